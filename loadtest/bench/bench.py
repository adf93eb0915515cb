"""`./dev bench [SECTION...]`: the figures of openrun beside their limits and peers, taken in one run on one machine. Prints Markdown.

Sections: waited, anew, polling, refusals, issuer, takeover, connections, scale, core; none: all of these. Only where it is named: cores. `./dev bench
overload` is apart.
A figure on a shared machine says little by itself; the ratios count. At the end one table holds every goal with its figure.
"""

import argparse
import json
import pathlib
import resource
import shlex
import sys
import time

import anew
import connections
import core_section
import cores
import issuer
import machine
import polling
import refusals
import scale
import takeover
import waited
from goals import table
from machine import cpu_seconds
from rig import Bench

__all__ = ["Bench", "cpu_seconds"]

# `scale` comes first: it needs a table that is nearly empty.
SECTIONS = {"scale": scale, "waited": waited, "anew": anew, "polling": polling, "refusals": refusals, "issuer": issuer, "takeover": takeover,
            "connections": connections, "core": core_section, "cores": cores}
WARM = {"waited", "anew", "polling", "refusals", "issuer", "connections", "cores"}  # what a cold broker would spoil
ONLY_NAMED = {"cores"}  # a trace, and no goal


def parsed():
    arguments = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sections", nargs="*", metavar="SECTION", help="which figures; all where none is named")
    arguments.add_argument("--users", type=int, default=100_000, help="of each load")
    arguments.add_argument("--backlog", type=int, default=300_000, help="coupons that the issuer finds in the log")
    arguments.add_argument("--refusals", type=int, default=500_000, help="refusals that it finds there")
    arguments.add_argument("--coupons", type=int, default=1_000_000, help="of the partition that is taken over")
    arguments.add_argument("--campaigns", type=int, default=10_000, help="at most at one time")
    arguments.add_argument("--table", type=int, default=1_000_000, help="coupons in the table at most; 10000000 takes some minutes more")
    arguments.add_argument("--repeats", type=int, default=3, help="of each load; the one in the middle counts")
    arguments.add_argument("--json", metavar="FILE", help="also write goals and configuration there")
    options = arguments.parse_args()
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        arguments.error(f"there is no section {unknown[0]}; there are {', '.join(SECTIONS)}, and overload")
    return options


def configuration(options, bench):
    """What a figure is worthless without."""
    return {
        "machine": machine.description(), "commit": machine.commit(), "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": shlex.join(["./dev", "bench", *sys.argv[1:]]),
        "system": "4 partitions, one gateway with one I/O thread, issuer, relay, reconciler, Kafka, PostgreSQL and the load generator on the same machine",
        "features": "limits, metrics, codes by FF1, relay, reconciler, 1 % of the requests traced, fsync on; users' tokens where a row says so",
        "settings": " ".join(f"{name}={value}" for name, value in vars(options).items() if name not in ("sections", "json")),
        "not the default": " ".join(f"{name}={value}" for name, value in bench.environment.items() if not name.endswith("ENDPOINT")) or "nothing"}


def main():
    options = parsed()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    chosen = [name for name in SECTIONS if name in (options.sections or SECTIONS.keys() - ONLY_NAMED)]
    bench = Bench(options.users, options.repeats)
    bench.options = options
    needs_system = chosen != ["core"]
    goals, code, is_warm = [], 0, False
    try:
        if needs_system:
            bench.up()
        facts = configuration(options, bench)
        print("\n".join(f"- {name}: {value}" for name, value in facts.items()), flush=True)
        for name in chosen:
            print(f"\n## {name}\n\n{SECTIONS[name].__doc__}\n", flush=True)
            if name in WARM and not is_warm:
                bench.warm_up()
                is_warm = True
            goals += SECTIONS[name].run(bench)
        print(f"\n## Goals\n\n{table(goals)}", flush=True)
        if needs_system:
            code, out, err = bench.system.command("audit")
            print(f"\n`openrun audit`: {(out.strip().splitlines() or [''])[-1]} {err.strip()}")
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps({"configuration": facts, "goals": [vars(goal) for goal in goals]}, indent=1) + "\n")
        return code
    finally:
        if needs_system:
            bench.down()


if __name__ == "__main__":
    sys.exit(main())
