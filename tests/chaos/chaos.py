"""Chaos on real processes: SIGKILL and SIGSTOP of everything, in an order that a seed gives, under load; then the accounts are checked.

    tests/chaos/run.sh [--minutes N] [--kills K] [--seed S] [--rate R] [--report FILE]

It goes on until the minutes are over and that many kills are done. The plan is printed as it is carried out; the same seed gives the same plan.
"""

import argparse
import ctypes
import os
import pathlib
import random
import shutil
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import ending  # noqa: E402
import plan  # noqa: E402
import report  # noqa: E402
from conductor import Conductor  # noqa: E402
from load import Load  # noqa: E402
from stray import Stranger  # noqa: E402
from system import System, wait_until  # noqa: E402
from watch import Checkpoints, Deaths, processes_of  # noqa: E402

GATEWAYS, ISSUERS, RELAYS, PARTITIONS = 3, 3, 2, 4
WARM_UP_S = 60.0
LOAD_END_S = 180.0
PR_SET_CHILD_SUBREAPER = 36


def arguments():
    parser = argparse.ArgumentParser(prog="./dev test chaos", description="Kills and freezes everything under load, and checks that nothing is lost.")
    parser.add_argument("--minutes", type=float, default=None, help="how long at least (default 1.5; with --kills: until they are done)")
    parser.add_argument("--kills", type=int, default=0, help="how many SIGKILLs at least")
    parser.add_argument("--seed", type=int, default=None, help="the plan (default: chosen, and printed)")
    parser.add_argument("--rate", type=float, default=500, help="users who begin a second (default 500)")
    parser.add_argument("--report", default="", help="write what was seen there, as markdown")
    parser.add_argument("--users-at-once", type=int, default=1200, help="users who wait at the same time, at most (default 1200)")
    chosen = parser.parse_args()
    if chosen.minutes is None:
        chosen.minutes = 0.0 if chosen.kills else 1.5
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1_000_000)
    return chosen


def say(text):
    print(text, flush=True)


class Run:
    def __init__(self, chosen):
        self.chosen = chosen
        self.system = System(os.environ.get("OPENRUN_CHAOS_STATE", ".openrun/chaos"), gateways=GATEWAYS, issuers=ISSUERS, relays=RELAYS,
                             partitions=PARTITIONS)
        self.names = [name for name in plan.targets(GATEWAYS, ISSUERS, RELAYS) if name != plan.BACKEND]
        self.results = {}  # check -> findings
        self.audit = {}  # the report of the deep audit
        self.deaths = self.conductor = None
        self.started = time.monotonic()

    def command(self):
        chosen = self.chosen
        return f"./dev test chaos --seed {chosen.seed} --minutes {chosen.minutes:g} --kills {chosen.kills} --rate {chosen.rate:g}"

    def seconds_max(self):
        """Several times what is usual."""
        return 900 + 120 * self.chosen.minutes + 30 * self.chosen.kills

    def go(self):
        chosen, system = self.chosen, self.system
        say(f"seed {chosen.seed}; again with: {self.command()}")
        system.down()
        system.up()
        self.checkpoints = Checkpoints(system)
        self.deaths = Deaths(system, self.names)
        self.load = Load(system, GATEWAYS, PARTITIONS, chosen.seed, chosen.rate, chosen.users_at_once)
        self.stranger = Stranger(system, PARTITIONS, random.Random(f"stranger {chosen.seed}"))
        for part in (self.checkpoints, self.deaths, self.load, self.stranger):
            part.start()
        wait_until("every partition commits", self.warm, WARM_UP_S)
        self.conductor = Conductor(system, self.names, self.checkpoints, self.deaths, say)
        self.began = time.monotonic()
        self.conductor.play(plan.steps(chosen.seed, GATEWAYS, ISSUERS, RELAYS),
                            lambda: self.conductor.kills() >= chosen.kills and time.monotonic() - self.began >= chosen.minutes * 60)
        self.ended = time.monotonic()
        self.seconds = self.ended - self.began
        self.account()

    def warm(self):
        latest = self.checkpoints.latest()
        return len(latest) == PARTITIONS and all(next_offset > 0 for _, _, next_offset in latest.values())

    def account(self):
        say(f"{self.seconds:7.1f} s  the faults are over; the clients wait for their answers")
        self.stranger.stop()
        facts = self.load.finish(LOAD_END_S)
        self.results["after the faults all is well again in time, and every planned fault could be carried out"] = self.conductor.wrong
        self.results.update(ending.examine(self.system, facts, self.names, self.stranger, self.audit, say))
        # Last: the examination itself must not make anybody end.
        self.checkpoints.stop()
        self.deaths.look()
        self.results["no daemon ended by itself"] = list(self.deaths.found)
        self.facts = facts

    def close(self):
        """Leaves nothing behind, wherever the run has come to."""
        if self.deaths is not None:
            self.deaths.all_will_end()
        if self.conductor is not None:
            self.conductor.abandon()
        kept = self.system.state.with_name(self.system.state.name + "-log")
        shutil.rmtree(kept, ignore_errors=True)
        if (self.system.state / "log").is_dir():
            shutil.copytree(self.system.state / "log", kept)
            say(f"the daemons' logs are kept in {kept}")
        self.system.down()
        if self.deaths is not None:
            self.deaths.stop()
        left = processes_of(self.system.state)
        self.results["no process is left behind"] = [f"pid {pid}: {command}" for pid, command in left]

    # ---- what was seen

    def whole_seconds(self):
        return time.monotonic() - self.started

    def report(self):
        found = report.sections(self)
        say(report.as_text(found))
        say("")
        bad = 0
        for name, wrong in self.results.items():
            say(f"{'FAILED' if wrong else 'ok':<7} {name}")
            for text in wrong:
                say(f"        {text}")
            bad += 1 if wrong else 0
        if self.chosen.report:
            pathlib.Path(self.chosen.report).write_text(report.as_markdown(self.command(), found, self.results))
        say(f"again with: {self.command()}")
        say(f"{len(self.results) - bad} passed, {bad} failed")
        return 1 if bad else 0


def give_up(seconds):
    say(f"FAILED  the run is not over after {seconds:.0f} s, and is ended")
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    chosen = arguments()
    # What ./dev starts belongs to this process when ./dev ends: so it learns how each daemon ended.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    run = Run(chosen)
    bound = threading.Timer(run.seconds_max(), give_up, [run.seconds_max()])
    bound.daemon = True
    bound.start()
    try:
        run.go()
    finally:
        # Once is enough: a second one would end the cleaning up.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        run.close()
    return run.report()


if __name__ == "__main__":
    sys.exit(main())
