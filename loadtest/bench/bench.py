"""`./dev bench`: the figures of openrun, each beside its limit from the same run. Prints Markdown.

A figure on a shared machine says little by itself; the ratios count.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from system import System, wait_until  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """A process and its descendants."""
    found, frontier = {pid}, [pid]
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
            except OSError:
                continue
    while frontier:
        for child in parents.get(frontier.pop(), []):
            if child not in found:
                found.add(child)
                frontier.append(child)
    return found


def cpu_seconds(pid):
    total = 0
    for member in family(pid):
        try:
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Own time, and that of children that have ended (a backend of Postgres that was closed).
        total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / TICKS


class Bench:
    def __init__(self, users):
        self.users = users
        self.system = System(os.environ.get("OPENRUN_BENCH_STATE", ".openrun/bench"), partitions=4)
        self.parts = ["gateway-1", "issuer-1", "kafka", "postgres", "relay-1", "reconciler-1"]
        self.build = ROOT / "build" / "dev" / "bin"

    def load(self, *arguments):
        done = subprocess.run(["openrun", "--json", "load", *map(str, arguments)], env=dict(os.environ, **self.system.environment),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, check=False)
        return json.loads(done.stdout)

    def bare(self, connections, campaign):
        port = 18999
        server = subprocess.Popen([self.build / "openrun-bench-beast", str(port)])
        try:
            def listening():
                with __import__("socket").create_connection(("127.0.0.1", port), 1):
                    return True
            wait_until("the bare server listens", listening, 10)
            before = cpu_seconds(server.pid)
            report = self.load("--url", f"http://127.0.0.1:{port}", "--campaign", campaign, "--users", self.users,
                               "--connections", connections)
            return report["decided_per_second"], (cpu_seconds(server.pid) - before) / self.users * 1e6
        finally:
            server.terminate()
            server.wait()

    def waited(self, connections):
        before = {part: cpu_seconds(self.system.pid(part)) for part in self.parts}
        report = self.load("--create", self.users, "--users", self.users, "--connections", connections)
        cpu = {part: (cpu_seconds(self.system.pid(part)) - before[part]) / self.users * 1e6 for part in self.parts}
        return report, cpu

    def issuer_alone(self, requests):
        system = self.system
        campaign = system.create(requests)
        partition = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        system.stop("issuer-1")
        report = self.load("--campaign", campaign, "--users", requests, "--connections", 256, "--mode", "submit")
        assert report["outcomes"].get("accepted", report["accepted"]), report
        progress = []

        def issued():
            n = int(system.sql(f"SELECT issued FROM campaign WHERE id = {campaign}")[0][0])
            progress.append((time.monotonic(), n))
            return n >= requests
        cpu_before = cpu_seconds(system.pid("postgres"))
        starter = threading.Thread(target=system.start, args=("issuer-1",))
        starter.start()
        wait_until("the backlog is issued", issued, 120, every=0.1)
        starter.join()
        cpu = {"postgres": (cpu_seconds(system.pid("postgres")) - cpu_before) / requests * 1e6,
               "issuer": cpu_seconds(system.pid("issuer-1")) / requests * 1e6}
        moving = [(t, n) for t, n in progress if n > 0]
        first = next(i for i, (_, n) in enumerate(progress) if n > 0)
        begin = progress[max(0, first - 1)]
        end = next((t, n) for t, n in moving if n >= requests)
        return (end[1] - begin[1]) / (end[0] - begin[0]), cpu, partition

    def raw_copy(self, rows):
        done = subprocess.run([self.build / "openrun-bench-copy", self.system.environment["OPENRUN_DATABASE_URL"], str(rows), "5000"],
                              stdout=subprocess.PIPE, check=True, timeout=300)
        return float(done.stdout)

    def at_rate(self, rate, seconds=10):
        users = rate * seconds
        report = self.load("--create", users, "--users", users, "--rate", rate, "--connections", 2000)
        good = report["outcomes"].get("issued", 0) / users
        return report, good


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--users", type=int, default=100_000)
    arguments.add_argument("--backlog", type=int, default=300_000)
    options = arguments.parse_args()
    bench = Bench(options.users)
    system = bench.system
    system.down()
    system.up()
    try:
        commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, check=False).stdout.decode().strip()
        print(f"Commit {commit}, {os.cpu_count()} cores, {platform.machine()}, 4 partitions; gateway, issuer, relay, reconciler, Kafka, "
              "Postgres and the load generator on the same machine.\n")
        warm = bench.load("--create", 20_000, "--users", 20_000, "--connections", 64)
        campaign = warm["campaigns"][0]
        print("| connections | waited coupons/s | p50 ms | p99 ms | bare Beast/s | ratio | server CPU us/coupon | " + " + ".join(bench.parts) + " |")
        print("|---|---|---|---|---|---|---|---|")
        for connections in (64, 256, 1024):
            bare, bare_cpu = bench.bare(connections, campaign)
            report, cpu = bench.waited(connections)
            parts = " + ".join(f"{cpu[part]:.0f}" for part in bench.parts)
            exact = "" if report["exact"] else " NOT EXACT"
            print(f"| {connections} | {report['decided_per_second']:,.0f}{exact} | {report['decided_us']['p50'] / 1000:.1f} "
                  f"| {report['decided_us']['p99'] / 1000:.1f} | {bare:,.0f} ({bare_cpu:.1f} us) "
                  f"| {report['decided_per_second'] / bare:.2f} | {sum(cpu.values()):.0f} | {parts} |", flush=True)
        print("\n| requests/s for 10 s | average ms | p50 | p99 | answered as they should |")
        print("|---|---|---|---|---|")
        for rate in (1000, 5000):
            report, good = bench.at_rate(rate)
            print(f"| {rate} | {report['decided_us']['mean'] / 1000:.1f} | {report['decided_us']['p50'] / 1000:.1f} "
                  f"| {report['decided_us']['p99'] / 1000:.1f} | {good:.2%} |", flush=True)
        copy = bench.raw_copy(options.backlog)
        alone, cpu, _ = bench.issuer_alone(options.backlog)
        copy_again = bench.raw_copy(options.backlog)
        copy = (copy + copy_again) / 2
        print("\n| issuer alone, full log to durable commit, coupons/s | raw COPY of such rows/s | ratio | CPU us/coupon |")
        print("|---|---|---|---|")
        print(f"| {alone:,.0f} | {copy:,.0f} | {alone / copy:.2f} | issuer {cpu['issuer']:.1f} + postgres {cpu['postgres']:.1f} |")
        code, out, err = system.command("audit")
        print(f"\n`openrun audit`: {out.strip()} {err.strip()}")
        return code
    finally:
        system.down()


if __name__ == "__main__":
    sys.exit(main())
