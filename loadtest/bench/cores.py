"""What the machine's cores do while many wait: how much of the time all of them, one or none is busy, who is then alone, and what ended it
where none was. From the kernel's trace of its scheduler, so it takes root and tracefs; the trace itself costs some per cent.
"""

import contextlib
import os
import pathlib
import threading
import time

import scheduled
from machine import family
from rig import PARTS, thousands

CONNECTIONS = (64, 256, 1_024)
USERS_MIN = 150_000  # fewer could be over before the trace is
TRACE = pathlib.Path("/sys/kernel/tracing/instances/openrun-bench")
EVENTS = "sched:sched_switch sched:sched_waking irq:irq_handler_entry timer:hrtimer_expire_entry"
BUFFER_KIB = 16_384  # a core's
BEGIN_S, TRACED_S = 1, 0.7
NAMED_MAX = 5


@contextlib.contextmanager
def tracing():
    """Traces from BEGIN_S on for TRACED_S; yields what waits for that and returns the lines."""
    TRACE.mkdir()
    try:
        for name, value in (("tracing_on", 0), ("buffer_size_kb", BUFFER_KIB), ("trace_clock", "mono"), ("set_event", EVENTS)):
            (TRACE / name).write_text(str(value))

        def trace():
            time.sleep(BEGIN_S)
            (TRACE / "tracing_on").write_text("1")
            time.sleep(TRACED_S)
            (TRACE / "tracing_on").write_text("0")
        thread = threading.Thread(target=trace)
        thread.start()

        def lines():
            thread.join()
            return (TRACE / "trace").read_text().splitlines()
        try:
            yield lines
        finally:
            thread.join()
    finally:
        TRACE.rmdir()


def threads_of(bench):
    """Their names by their ids: the part's, and the thread's own where the part has several."""
    names = {}
    for part in PARTS:
        for pid in family(bench.system.pid(part)):
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    comm = (task / "comm").read_text().strip()
                    names[int(task.name)] = part if comm in (part, "postgres", f"openrun-{part.partition('-')[0]}") else f"{part} {comm}"
    return names


def listed(counts, time_us, name):
    by_name = {}
    for key, spent in counts.items():
        by_name[name(key)] = by_name.get(name(key), 0) + spent
    most = sorted(by_name.items(), key=lambda entry: -entry[1])[:NAMED_MAX]
    return ", ".join(f"{who} {spent / time_us * 100:.0f}" for who, spent in most if spent / time_us >= 0.005) or "-"


def run(bench):
    if os.geteuid() != 0 or not TRACE.parent.is_dir():
        print("Left out: it takes root, and tracefs in /sys/kernel/tracing.", flush=True)
        return []
    print("| connections | coupons/s | busy: all cores, some, none (% of the time) | alone on one core | ended it where none was busy |\n|---|---|---|---|---|", flush=True)
    users = max(bench.users, USERS_MIN)
    for connections in CONNECTIONS:
        with tracing() as lines:
            report = bench.load("--create", users, "--users", users, "--connections", connections)
            schedule = scheduled.Schedule(lines())
        share, names, cores = scheduled.shares(schedule), threads_of(bench), len(schedule.runs)

        def name(thread, names=names, schedule=schedule):
            return names.get(thread) or {"openrun": "load generator"}.get(schedule.comms.get(thread), "others")
        none, every = share.busy[0], share.busy[cores]
        parts = " · ".join(f"{spent / share.time * 100:.0f}" for spent in (every, share.time - none - every, none))
        print(f"| {thousands(connections)} | {thousands(report['decided_per_second'])} | {parts} | {listed(share.alone, share.time, name)} | "
              + listed(share.ended, share.time, lambda key: f"{name(key[0])} by {key[1]}") + " |", flush=True)
    return []
