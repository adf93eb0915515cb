"""Chaos on real processes: SIGKILL and SIGSTOP of everything, in an order that a seed gives, under load; then the accounts are checked.

    tests/chaos/run.sh [--minutes N] [--kills K] [--seed S] [--rate R]

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
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import ending  # noqa: E402
import measure  # noqa: E402
import plan  # noqa: E402
from conductor import Conductor  # noqa: E402
from load import Load  # noqa: E402
from stray import Stranger  # noqa: E402
from system import System, wait_until  # noqa: E402
from watch import Checkpoints, Deaths, processes_of  # noqa: E402

GATEWAYS, ISSUERS, RELAYS, PARTITIONS = 3, 3, 2, 4
WARM_UP_S = 60.0
LOAD_END_S = 90.0
PR_SET_CHILD_SUBREAPER = 36


def arguments():
    parser = argparse.ArgumentParser(prog="./dev test chaos", description="Kills and freezes everything under load, and checks that nothing is lost.")
    parser.add_argument("--minutes", type=float, default=None, help="how long at least (default 1.5; with --kills: until they are done)")
    parser.add_argument("--kills", type=int, default=0, help="how many SIGKILLs at least")
    parser.add_argument("--seed", type=int, default=None, help="the plan (default: chosen, and printed)")
    parser.add_argument("--rate", type=float, default=500, help="users who begin a second (default 500)")
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

    def go(self):
        chosen, system = self.chosen, self.system
        say(f"seed {chosen.seed}; again with: ./dev test chaos --seed {chosen.seed} --minutes {chosen.minutes:g} --kills {chosen.kills} --rate {chosen.rate:g}")
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
        began = time.monotonic()
        self.conductor.play(plan.steps(chosen.seed, GATEWAYS, ISSUERS, RELAYS),
                            lambda: self.conductor.kills() >= chosen.kills and time.monotonic() - began >= chosen.minutes * 60)
        self.seconds = time.monotonic() - began
        self.account()

    def warm(self):
        latest = self.checkpoints.latest()
        return len(latest) == PARTITIONS and all(next_offset > 0 for _, _, next_offset in latest.values())

    def account(self):
        say(f"{self.seconds:7.1f} s  the faults are over; the clients wait for their answers")
        self.stranger.stop()
        facts = self.load.finish(LOAD_END_S)
        self.results["after the faults all is well again in time, and every planned fault could be carried out"] = self.conductor.wrong
        self.results.update(ending.examine(self.system, facts, self.names, self.stranger, say))
        # Last: the examination itself must not make anybody end.
        self.checkpoints.stop()
        self.deaths.stop()
        self.results["no daemon ended by itself"] = self.deaths.found
        self.facts = facts

    def close(self):
        kept = self.system.state.with_name(self.system.state.name + "-log")
        shutil.rmtree(kept, ignore_errors=True)
        if (self.system.state / "log").is_dir():
            shutil.copytree(self.system.state / "log", kept)
            say(f"the daemons' logs are kept in {kept}")
        self.system.down()
        left = processes_of(self.system.state)
        self.results["no process is left behind"] = [f"pid {pid}: {command}" for pid, command in left]

    # ---- what was seen

    def report(self):
        say("")
        self.report_faults()
        self.report_times()
        say("")
        bad = 0
        for name, found in self.results.items():
            say(f"{'FAILED' if found else 'ok':<7} {name}")
            for text in found:
                say(f"        {text}")
            bad += 1 if found else 0
        say(f"{len(self.results) - bad} passed, {bad} failed")
        return 1 if bad else 0

    def report_faults(self):
        done = [one for one in self.conductor.done if not one.skipped]
        say(f"{self.seconds:.0f} s of chaos: {self.conductor.kills()} kills, {sum(one.fault.action == plan.FREEZE for one in done)} freezes")
        for kind in sorted(plan.WEIGHTS):
            here = [one.fault.action for one in done if plan.kind_of(one.fault.target) == kind]
            say(f"  {kind:<18} {here.count(plan.KILL):4d} kills {here.count(plan.FREEZE):4d} freezes")
        for one in self.conductor.done:
            if one.skipped:
                say(f"  left out: step {one.step}, {one.fault}: {one.skipped}")
        counts, facts = self.load.counts, self.facts
        issued = sum(number for campaign, (_, number) in facts.stored.items() if campaign in facts.campaigns)
        asked = sum(user.asked for user in facts.users.values())
        say(f"  {len(facts.users)} users asked {asked} times ({asked / self.seconds:.0f}/s), {counts['accepted']} accepted, {issued} coupons in "
            f"{len(facts.campaigns)} campaigns, {counts['commands']} commands, {self.stranger.acknowledged} undecodable records")
        say("  " + ", ".join(f"{name}: {number}" for name, number in sorted(counts.items()) if name.startswith(("answers", "calls", "conn", "refused"))))

    def report_times(self):
        history = self.checkpoints.history
        all_of_them = measure.takeovers([one for one in self.conductor.done if not one.skipped], history)
        say(f"from an issuer's kill or freeze to the next commit of its partition under a newer epoch (session time-out {ending.session_timeout_s():g} s):")
        for action in (plan.KILL, plan.FREEZE):
            say(measure.told(f"{action}, nothing else at fault", [s for s, a, alone in all_of_them if a == action and alone]))
            say(measure.told(f"{action}, others at fault meanwhile", [s for s, a, alone in all_of_them if a == action and not alone]))
        say(measure.told("all", [s for s, _, _ in all_of_them]))
        say("of a server: from its start to its answer, and from its answer, or its waking up, to the next commit in any partition:")
        for target in ("kafka", "postgres"):
            done = [one for one in self.conductor.done if (one.fault.target, one.fault.action) == (target, plan.KILL)]
            say(measure.told(f"{target}: start to answer", [one.ended - one.restart for one in done]))
            for action in (plan.KILL, plan.FREEZE):
                say(measure.told(f"{target} after {action}: to the next commit", measure.recoveries(self.conductor.done, target, action, history)))
        say(measure.told("all faults over: everything ready, all partitions commit", self.conductor.calms))


def main():
    chosen = arguments()
    # What ./dev starts belongs to this process when ./dev ends: so it learns how each daemon ended.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = Run(chosen)
    try:
        run.go()
    finally:
        run.close()
    return run.report()


if __name__ == "__main__":
    sys.exit(main())
