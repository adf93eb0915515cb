"""Who ran on which core, read from the kernel's trace of its scheduler (tracefs: sched_switch, sched_waking, irq_handler_entry,
hrtimer_expire_entry), and what follows from it: how much of the time none, one or more of the cores were busy. Times in us."""

import bisect
import collections
import dataclasses
import re

LINE = re.compile(r"\s*(?P<comm>.+)-(?P<thread>\d+)\s+\[(?P<core>\d+)\]\s+\S+\s+(?P<time>\d+\.\d+): (?P<event>\w+): (?P<rest>.*)")
SWITCH = re.compile(r"next_comm=(?P<comm>.+) next_pid=(?P<thread>\d+)")
WAKING = re.compile(r"pid=(?P<thread>\d+)")
IRQ = re.compile(r"name=(?P<name>\S+)")
IDLE = 0
# An idle core is woken by what it was interrupted for so recently.
CAUSE_MAX = 200


@dataclasses.dataclass
class Run:
    """A thread on a core, from when it began to when it ended."""
    began: float
    ended: float
    core: int
    thread: int


@dataclasses.dataclass
class Waking:
    at: float
    thread: int
    cause: str


class Schedule:
    """The runs of each core, in order, and the wakings."""

    def __init__(self, lines):
        self.runs, self.wakings, self.comms = collections.defaultdict(list), [], {}
        self._now, self._woken, self._interrupt = {}, {}, {}
        for line in lines:
            found = LINE.fullmatch(line.rstrip("\n"))
            if found:
                self._read(found)

    def _read(self, line):
        at, core, thread, rest = float(line["time"]) * 1e6, int(line["core"]), int(line["thread"]), line["rest"]
        if thread != IDLE:
            self.comms[thread] = line["comm"]
        if core in self._now and self._now[core].thread != thread:
            # The kernel traces not every switch away from idle: whoever speaks has run since it was woken.
            self._switch(core, min(at, max(self._now[core].began, self._woken.get(thread, at))), thread)
        if line["event"] == "sched_switch":
            to = SWITCH.search(rest)
            self._switch(core, at, int(to["thread"]))
            self.comms.setdefault(int(to["thread"]), to["comm"])
        elif line["event"] == "sched_waking":
            woken = int(WAKING.search(rest)["thread"])
            self._woken[woken] = at
            came, cause = self._interrupt.get(core, (-CAUSE_MAX, ""))
            self.wakings.append(Waking(at, woken, cause if thread == IDLE and at - came < CAUSE_MAX else "another thread"))
        elif line["event"] == "irq_handler_entry":
            self._interrupt[core] = (at, "interrupt " + IRQ.search(rest)["name"])
        elif line["event"] == "hrtimer_expire_entry":
            self._interrupt[core] = (at, "a timer")

    def _switch(self, core, at, thread):
        if core in self._now:
            run = self._now[core]
            run.ended = at
            self.runs[core].append(run)
        self._now[core] = Run(at, at, core, thread)


@dataclasses.dataclass
class Share:
    """Of the time that all cores were traced: by how many of them were busy, by the thread that was alone on one, by what ended silence."""
    time: float
    busy: collections.Counter
    alone: collections.Counter
    ended: collections.Counter


def shares(schedule):
    cores = sorted(schedule.runs)
    begin, end = max(schedule.runs[core][0].began for core in cores), min(schedule.runs[core][-1].ended for core in cores)
    result = Share(end - begin, collections.Counter(), collections.Counter(), collections.Counter())
    times = sorted({begin, end} | {run.began for core in cores for run in schedule.runs[core] if begin < run.began < end})
    wakings = sorted(schedule.wakings, key=lambda waking: waking.at)
    at_wakings = [waking.at for waking in wakings]
    index, silent_since = dict.fromkeys(cores, 0), None
    for now, then in zip(times, times[1:]):
        running = []
        for core in cores:
            runs = schedule.runs[core]
            while runs[index[core]].ended <= now:
                index[core] += 1
            if runs[index[core]].thread != IDLE:
                running.append(runs[index[core]].thread)
        result.busy[len(running)] += then - now
        if len(running) == 1:
            result.alone[running[0]] += then - now
        if not running:
            silent_since = now if silent_since is None else silent_since
        elif silent_since is not None:
            last = bisect.bisect_right(at_wakings, now) - 1
            while last >= 0 and wakings[last].thread not in running:
                last -= 1
            if last >= 0:
                result.ended[wakings[last].thread, wakings[last].cause] += now - silent_since
            silent_since = None
    return result
