"""The one table: each goal with its figure, what stood beside it in the same run, and the ratio of the two."""

from dataclasses import dataclass


@dataclass
class Goal:
    number: int          # of the list of goals
    what: str
    goal: str
    figure: str
    beside: str = ""     # the limit or the peer, in the same run
    ratio: float | None = None
    reached: bool | None = None  # None: a figure without a goal


def at_least(number, what, goal, figure, unit="/s", beside="", ratio=None):
    return Goal(number, what, f"at least {goal:,}{unit}", f"{figure:,.0f}{unit}", beside, ratio, figure >= goal)


def at_most(number, what, goal, figure, unit, beside="", decimals=1):
    return Goal(number, what, f"at most {goal:,} {unit}", f"{figure:,.{decimals}f} {unit}", beside, None, figure <= goal)


def ratio(number, what, goal, figure, other, beside):
    value = figure / other if other else 0.0
    return Goal(number, what, f"at least {goal} of it", f"{figure:,.0f}/s", f"{beside} {other:,.0f}/s", value, value >= goal)


def table(goals):
    lines = ["| goal | what | wanted | measured | beside it | ratio | reached |", "|---|---|---|---|---|---|---|"]
    for goal in sorted(goals, key=lambda goal: goal.number):
        share = "" if goal.ratio is None else f"{goal.ratio:.2f}"
        reached = "" if goal.reached is None else "yes" if goal.reached else "**no**"
        lines.append(f"| {goal.number} | {goal.what} | {goal.goal} | {goal.figure} | {goal.beside} | {share} | {reached} |")
    return "\n".join(lines)
