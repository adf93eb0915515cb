"""What happens to whom, and for how long: a function of the seed and of how many there are of each kind."""

import random
from dataclasses import dataclass

KILL = "kill"      # SIGKILL, and a start after `seconds`
FREEZE = "freeze"  # SIGSTOP, and SIGCONT after `seconds`
BACKEND = "postgres-backend"  # one server process of Postgres

# How often each kind of target is hit.
WEIGHTS = {"issuer": 38, "gateway": 18, "relay": 10, "reconciler": 4, "kafka": 12, "postgres": 10, BACKEND: 8}
KILLS_SHARE = 0.65
TWO_AT_ONCE_SHARE = 0.2
# Each round begins with an issuer alone, whose takeover is measured, and ends when all is well again.
STEPS_A_ROUND = 7

# Seconds down or frozen: (usually, now and then). The longer ones go past the session time-out of the consumer groups.
SHORT, LONG = (0.0, 3.0), (6.5, 11.0)
LONG_SHARE = {"issuer": 0.45, "relay": 0.3, "gateway": 0.2, "reconciler": 0.2, "kafka": 0.15, "postgres": 0.2, BACKEND: 0.2}


@dataclass(frozen=True)
class Fault:
    action: str
    target: str
    seconds: float

    def __str__(self):
        return f"{self.action} {self.target} for {self.seconds:.1f} s"


@dataclass(frozen=True)
class Step:
    number: int
    gap_s: float  # from the beginning of the step before
    faults: tuple
    calm_after: bool  # then nothing more until all is well again

    def __str__(self):
        return f"step {self.number}: after {self.gap_s:.1f} s " + " and ".join(map(str, self.faults))


def kind_of(target):
    return target if target == BACKEND else target.rsplit("-", 1)[0]


def targets(gateways, issuers, relays):
    names = ["reconciler-1", "kafka", "postgres", BACKEND]
    for kind, count in (("gateway", gateways), ("issuer", issuers), ("relay", relays)):
        names += [f"{kind}-{number}" for number in range(1, count + 1)]
    return sorted(names)


def fault(dice, names, kinds=None):
    kinds = kinds or sorted({kind_of(name) for name in names})
    kind = dice.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
    target = dice.choice([name for name in names if kind_of(name) == kind])
    action = KILL if dice.random() < KILLS_SHARE else FREEZE
    span = LONG if dice.random() < LONG_SHARE[kind] else SHORT
    return Fault(action, target, round(dice.uniform(*span), 1))


def steps(seed, gateways, issuers, relays):
    """Without end; the same for the same arguments."""
    dice = random.Random(seed)
    names = targets(gateways, issuers, relays)
    number = 0
    while True:
        number += 1
        alone = number % STEPS_A_ROUND == 1
        chosen = [fault(dice, names, ["issuer"] if alone else None)]
        if not alone and dice.random() < TWO_AT_ONCE_SHARE:
            chosen.append(fault(dice, [name for name in names if name != chosen[0].target]))
        yield Step(number, round(dice.uniform(1.0, 5.0), 1), tuple(chosen), alone or number % STEPS_A_ROUND == 0)
