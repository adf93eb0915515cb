"""What was done and what was seen, as sections of rows: printed as text, and written as markdown where --report names a file."""

import checker
import ending
import measure
import plan

GAP_S = 1.0  # a front that accepts nothing for that long, while hundreds ask, is down
SERVERS = ("kafka", "postgres")


def sections(run):
    """[(title, note, header, rows)]"""
    return [faults(run), accounts(run), takeovers(run), others(run), front(run)]


def faults(run):
    done = [one for one in run.conductor.done if not one.skipped]
    rows = []
    for kind in sorted(plan.WEIGHTS):
        here = [one.fault.action for one in done if plan.kind_of(one.fault.target) == kind]
        rows.append((kind, here.count(plan.KILL), here.count(plan.FREEZE)))
    rows.append(("all", run.conductor.kills(), sum(one.fault.action == plan.FREEZE for one in done)))
    note = "".join(f"Left out: step {one.step}, {one.fault}: {' '.join(one.skipped.split())[:160]}. " for one in run.conductor.done if one.skipped)
    return "Faults", note, ("process", "SIGKILL", "SIGSTOP"), rows


def number_of(findings):
    return sum(1 for _ in findings)


def accounts(run):
    counts, facts, audit = run.load.counts, run.facts, run.audit
    asked = sum(user.asked for user in facts.users.values())
    issued = sum(number for campaign, (_, number) in facts.stored.items() if campaign in facts.campaigns)
    log = audit.get("log", [])
    rows = [
        ("seconds under faults, and of the whole run", f"{run.seconds:.0f}, {run.whole_seconds():.0f}"),
        ("users, and requests they sent", f"{len(facts.users)}, {asked} ({asked / run.seconds:.0f}/s)"),
        ("calls that broke, connections refused, answers 503",
         f"{counts['calls that broke']}, {counts['connections refused']}, {counts['answers 503']}"),
        ("receipts issued", len(facts.receipts)),
        ("of them undecided at the end, asked at every gateway", number_of(checker.every_receipt_is_decided(facts))),
        ("answers that changed, or differ between gateways", number_of(checker.every_gateway_says_what_was_said_first(facts))),
        ("coupons that somebody was told of and that are lost", number_of(checker.every_coupon_that_was_told_is_in_postgres(facts))),
        ("requests that stand in the log twice", len(facts.twice_in_log)),
        ("of their users told ALREADY_ISSUED, with their own coupon, after asking once", number_of(checker.already_issued_at_once(facts))),
        ("coupons, campaigns, commands", f"{issued}, {len(facts.campaigns)}, {counts['commands']}"),
        ("undecodable records put into the log, all of them dead letters", run.stranger.acknowledged),
        ("findings of openrun audit and openrun audit --deep", audit.get("found", "not read")),
        ("records decided again by openrun audit --deep", sum(one["records"] for one in log)),
    ]
    return "Accounts", "", ("what", "figure"), rows


def spread(name, seconds):
    found = measure.distribution(seconds)
    if found is None:
        return name, 0, "", "", ""
    return name, found[0], *(f"{value:.2f}" for value in found[2:])


SPREAD = ("seconds", "count", "p50", "p90", "max")


def takeovers(run):
    found = measure.takeovers([one for one in run.conductor.done if not one.skipped], run.checkpoints.history)
    rows = []
    for action, how in ((plan.KILL, "killed"), (plan.FREEZE, "frozen")):
        for away in (True, False):
            who = "another took over while it was away" if away else "decided again after it was back"
            for alone in (True, False):
                name = f"issuer {how}, {who}{'' if alone else '; others at fault too'}"
                rows.append(spread(name, [one.seconds for one in found if (one.action, one.away, one.alone) == (action, away, alone)]))
    rows.append(spread("all", [one.seconds for one in found]))
    note = ("For each partition of an issuer, from its SIGKILL or SIGSTOP to the first commit under a newer epoch. The group's session "
            f"time-out is {ending.session_timeout_s():g} s: so long nobody takes over from an issuer that says nothing. One that is back "
            "earlier gets its partitions back at once.")
    return "Takeover", note, SPREAD, rows


def others(run):
    done, history = run.conductor.done, run.checkpoints.history
    rows = []
    for target in SERVERS:
        rows.append(spread(f"{target}: from its start to its first answer",
                           [one.ended - one.restart for one in done if (one.fault.target, one.fault.action) == (target, plan.KILL)]))
        for action, since in ((plan.KILL, "killed: from its first answer"), (plan.FREEZE, "frozen: from SIGCONT")):
            rows.append(spread(f"{target} {since} to the next commit", measure.recoveries(done, target, action, history)))
    rows.append(spread("gateway: from its start to its first answer",
                       [one.ended - one.restart for one in done if plan.kind_of(one.fault.target) == "gateway" and one.fault.action == plan.KILL]))
    rows.append(spread("all faults over: everything ready, all partitions commit", run.conductor.calms))
    return "Recovery", "", SPREAD, rows


def front(run):
    """When the gateways as a whole took no request, and when they answered no poll."""
    done = [one for one in run.conductor.done if not one.skipped]
    rows = []
    for name, what in (("requests", "no request was accepted or refused for certain"), ("polls", "no poll was answered")):
        gaps = measure.gaps(run.load.answered_at[name], run.began, run.ended, GAP_S)
        for cause, those in measure.by_cause(gaps, done).items():
            total = sum(seconds for _, seconds in those)
            rows.append((f"{what}; at fault then: {cause}", len(those), f"{total:.1f}", f"{max(seconds for _, seconds in those):.1f}",
                         f"{100 * total / run.seconds:.1f} %"))
    note = (f"All spells of {GAP_S:g} s and more in {run.seconds:.0f} s, clients trying all the time. Without Kafka nothing can be promised: the answer is "
            "503 with Retry-After.")
    return "Unavailability of the front", note, ("what", "spells", "seconds", "longest", "share"), rows


def as_text(found):
    lines = []
    for title, note, header, rows in found:
        lines += ["", title] + ([f"  {note}"] if note else [])
        table = [tuple(map(str, row)) for row in [header, *rows]]
        widths = [max(len(row[at]) for row in table) for at in range(len(header))]
        for row in table:
            lines.append("  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])))
    return "\n".join(lines)


def as_markdown(command, found, results):
    lines = [f"`{command}`", ""]
    for title, note, header, rows in found:
        lines += [f"**{title}.** {note}".rstrip(), "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows] + [""]
    lines += ["**Checks.**", "", "| check | |", "|---|---|"]
    lines += [f"| {name} | {f'{len(wrong)} findings' if wrong else 'ok'} |" for name, wrong in results.items()]
    return "\n".join(lines) + "\n"
