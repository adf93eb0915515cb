"""`loadtest/overload.sh`: what becomes of goodput and of polls at three times the capacity. Prints Markdown.

All in one run: polls alone with few submits, then submits in an open model (arrivals whatever the answers do) at about the capacity. The best of
these loads, twice and three times its goodput, and polls alone again then come in turn, `--rounds` times: one load of the same rate differs by a
fifth from the next, and a table that grows makes all slower, so each round is compared with itself, and the middle one counts. Polls come at a
constant rate from a process of their own.

Two cores: the load generator, Kafka, Postgres, issuer, relay and reconciler on the first; the gateway has the second, as it has its own in earnest
(--gateway-core 0 puts it to the others). Where that is allowed its I/O threads have real-time priority there, and librdkafka's threads come next: an
I/O thread that interrupts one of them within a lock waits for it, and nothing else may run before it then. A user who finds no free connection for a
second goes away: that is what a full listen queue or a proxy's time-out does to it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from bench import Bench, cpu_seconds

FIRST, SECOND = 0, 1
BROKER_NICE = -15
RECEIPTS = 100
GOODPUT_MIN, POLL_P99_MAX = 0.9, 2.0


def place(pid, core, priority):
    """All threads of a gateway on one core, its I/O threads round robin in real time, those of librdkafka's brokers next. Says whether that was allowed.

    Not those in real time too: they would wake for each record, and batches would be of one.
    """
    allowed = True
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        os.sched_setaffinity(thread, {core})
        name = pathlib.Path(f"/proc/{pid}/task/{thread}/comm").read_text()
        if name.startswith("http-"):
            allowed = prefer(thread, priority) and allowed
        elif name.startswith("rdk:broker") and allowed:
            os.setpriority(os.PRIO_PROCESS, thread, BROKER_NICE)
    return allowed


def prefer(thread, priority):
    try:
        os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(priority))
    except PermissionError:
        return False
    return True


class Overload(Bench):
    def __init__(self, options):
        super().__init__(users=0)
        self.options = options
        self.rows = []

    def up(self):
        os.sched_setaffinity(0, {FIRST})  # what is started inherits it
        self.system.down()
        self.system.up()
        os.sched_setaffinity(0, {SECOND})
        self.preferred = place(self.system.pid("gateway-1"), self.options.gateway_core, 5)
        self.campaign = self.system.create(1_000_000)

    def fresh_receipts(self):
        """Who polls has asked a moment ago: receipts of many loads ago are no longer in the gateway's window, and cost a look into Postgres."""
        self.users += RECEIPTS
        return [self.system.call("POST", f"/v1/campaigns/{self.campaign}/requests", {"user_id": f"poll-{user}"}, headers={"Prefer": "wait=10"}).json["receipt"]
                for user in range(self.users - RECEIPTS, self.users)]

    def start_polls(self, seconds, receipts):
        command = [self.build / "openrun-bench-polls", "127.0.0.1", self.system.port("gateway-1"), self.options.polls, seconds, *receipts]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, preexec_fn=lambda: prefer(0, 10))

    def submits(self, rate):
        seconds = self.options.seconds
        users = int(rate * seconds)
        command = ["openrun", "--json", "load", "--create", users // 4 + 1_000, "--campaigns", 4, "--users", users, "--rate", rate,
                   "--connections", self.options.connections, "--patience", 1, "--send-for", seconds, "--duration", seconds + 15]
        return subprocess.Popen(list(map(str, command)), env=dict(os.environ, **self.system.environment),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=lambda: os.sched_setaffinity(0, {FIRST}))

    def run(self, name, rate):
        rate = int(rate)
        receipts = self.fresh_receipts()
        before = {part: cpu_seconds(self.system.pid(part)) for part in self.parts}
        load = self.submits(rate)
        time.sleep(1.5)  # the polls belong into the middle of the run
        polls = json.loads(self.start_polls(self.options.seconds - 2, receipts).communicate()[0])
        report = json.loads(load.communicate(timeout=120)[0])
        issued = report["outcomes"].get("issued", 0)
        cpu = {part: (cpu_seconds(self.system.pid(part)) - before[part]) / max(issued, 1) * 1e6 for part in self.parts}
        row = {"name": name, "offered": rate, "goodput": issued / report["send_seconds"], "refused": report["statuses"].get("503", 0),
               "sent": report["sent"], "impatient": report["impatient"], "p50": report["decided_us"]["p50"] / 1000,
               "p99": report["decided_us"]["p99"] / 1000, "polls": polls, "cpu": cpu, "generator": report["cpu"][-1]["of_a_core"]}
        self.rows.append(row)
        print(f"| {name} | {rate:,} | {row['goodput']:,.0f} | {row['refused'] / max(row['sent'], 1):.1%} "
              f"| {row['impatient'] / max(row['sent'], 1):.1%} | {row['p50']:.0f} / {row['p99']:.0f} "
              f"| {polls['p50'] / 1000:.2f} / {polls['p99'] / 1000:.2f} | {polls['failed']} | "
              + " + ".join(f"{cpu[part]:.0f}" for part in self.parts) + f" | {row['generator']:.2f} |", flush=True)
        return row

    def warm_up(self):
        """Also a first guess of the capacity."""
        self.load("--create", 30_000, "--users", 30_000, "--connections", 64)
        return max(self.load("--create", 100_000, "--users", 100_000, "--connections", 2_000)["decided_per_second"] for _ in range(2))

    def table(self):
        guess = self.warm_up()
        print("| load | offered/s | goodput/s | refused with 503 | found no connection | submits p50 / p99 ms | polls p50 / p99 ms | polls failed "
              "| CPU us/coupon: " + " + ".join(self.parts) + " | load generator, of a core |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        self.run("polls, few submits", 200)
        best = max((self.run(f"about the capacity ({share})", guess * share) for share in (0.8, 0.9, 1.0, 1.1)), key=lambda row: row["goodput"])
        loads = {"the best of these": best["offered"], "twice its goodput": 2 * best["goodput"], "three times": 3 * best["goodput"], "polls, few submits": 200}
        runs = {name: [] for name in loads}
        for _ in range(self.options.rounds):
            for name, rate in loads.items():
                runs[name].append(self.run(name, rate))
        at_best, at_twice, at_thrice, unloaded = runs.values()
        goodputs = [thrice["goodput"] / max(best["goodput"], twice["goodput"]) for best, twice, thrice in zip(at_best, at_twice, at_thrice)]
        p99s = [thrice["polls"]["p99"] / alone["polls"]["p99"] for thrice, alone in zip(at_thrice, unloaded)]
        return statistics.median(goodputs), statistics.median(p99s)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=15, help="of each load")
    arguments.add_argument("--connections", type=int, default=2_000, help="of the load generator, at most")
    arguments.add_argument("--polls", type=int, default=500, help="polls a second")
    arguments.add_argument("--rounds", type=int, default=3, help="of the loads that are compared")
    arguments.add_argument("--gateway-core", type=int, default=SECOND, choices=(FIRST, SECOND))
    options = arguments.parse_args()
    overload = Overload(options)
    try:
        overload.up()
        if not overload.preferred:
            print("The gateway may not have its core before the load generator: run this as root.\n")
        goodput, p99 = overload.table()
        print(f"\nAt three times the capacity, the middle of {options.rounds} rounds: goodput {goodput:.2f} of the round's peak (at least {GOODPUT_MIN}), "
              f"the polls' p99 {p99:.1f} times its unloaded value (at most {POLL_P99_MAX}).")
        code, out, err = overload.system.command("audit")
        print(f"`openrun audit`: {out.strip()} {err.strip()}")
        return 0 if code == 0 and goodput >= GOODPUT_MIN and p99 <= POLL_P99_MAX else 1
    finally:
        overload.system.down()


if __name__ == "__main__":
    sys.exit(main())
