"""Times from what happened and what the checkpoints did afterwards."""

from typing import NamedTuple

import plan

ALONE_KINDS = ("issuer", "kafka", "postgres", plan.BACKEND)


def takeover(changes, since, epoch, next_offset):
    """When the first commit under a newer epoch was seen after `since`; None: no newer epoch ever committed."""
    for time, seen_epoch, seen_next in changes:
        if time <= since:
            continue
        if seen_epoch == epoch:
            next_offset = max(next_offset, seen_next)
        elif seen_epoch > epoch and seen_next > next_offset:
            return time
    return None


def was_alone(done, others, until):
    """Whether nothing else that decides was down, frozen or starting between the fault and the takeover."""
    return not any(
        other is not done and not other.skipped and plan.kind_of(other.fault.target) in ALONE_KINDS
        and other.began < until and other.ended > done.began for other in others)


class Takeover(NamedTuple):
    seconds: float
    action: str
    away: bool  # decided by another while the writer was still dead or frozen
    alone: bool  # nothing else was at fault meanwhile


def takeovers(faults, history):
    """For every partition whose writer was killed or frozen. One that woke up in time is left out."""
    found = []
    for done in faults:
        for partition, (epoch, next_offset) in done.owned.items():
            changes = history.get(partition, [])
            # Who woke up, or was back, before its session was over went on under its own epoch, or took a new one itself.
            at = takeover(changes, done.began, epoch, next_offset)
            if at is None or (done.fault.action == plan.FREEZE and went_on(changes, done, epoch)):
                continue
            found.append(Takeover(at - done.began, done.fault.action, at < done.restart, was_alone(done, faults, at)))
    return found


def went_on(changes, done, epoch):
    return any(time > done.restart and seen_epoch == epoch for time, seen_epoch, _ in changes)


def recoveries(faults, target, action, history):
    """From the moment at which a server answered again, or woke up, to the next commit; not where it was hit again before that."""
    found = []
    for done in faults:
        if done.skipped or (done.fault.target, done.fault.action) != (target, action):
            continue
        seconds = first_commit_after(history, done.ended)
        if seconds is not None and not any(
                other.fault.target == target and done.ended < other.began < done.ended + seconds for other in faults):
            found.append(seconds)
    return found


def first_commit_after(history, since):
    times = [time for changes in history.values()
             for (_, _, before), (time, _, after) in zip(changes, changes[1:]) if time > since and after > before]
    return min(times) - since if times else None


def distribution(seconds):
    """(count, min, median, p90, max), or None where there is nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return (len(ordered), ordered[0], ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))], ordered[-1])


def gaps(times, began, ended, least):
    """(beginning, seconds) of the spells of `least` seconds and more without any of the times, which ascend."""
    inside = [began, *(time for time in times if began < time < ended), ended]
    return [(first, then - first) for first, then in zip(inside, inside[1:]) if then - first >= least]


def by_cause(spells, faults):
    """What was dead, frozen or starting during a spell -> the spells. A server explains one alone."""
    found = {}
    for began, seconds in spells:
        kinds = {plan.kind_of(one.fault.target) for one in faults if one.began < began + seconds and one.ended > began}
        servers = kinds & {"kafka", "postgres"}
        found.setdefault(" and ".join(sorted(servers)) or ("daemons only" if kinds else "nothing"), []).append((began, seconds))
    return dict(sorted(found.items()))
