"""Refusals of a campaign that is sold out, at the door: openrun, a bare Beast handler that answers as often, and the peers."""

from goals import Goal
from rig import compared, in_the_middle, ms, rate

OF_BEAST, OF_GO = 0.8, 1.3


def sold_out(bench, report):
    assert report["outcomes"] == {"SOLD_OUT": report["sent"]}, report["outcomes"]
    return report


def openrun(bench, connections):
    campaign = bench.load("--create", 10, "--users", 10, "--connections", 1)["campaigns"][0]
    number = iter(range(1_000))

    def measure():
        report, cpu = bench.costs(2 * bench.users, "--campaign", campaign, "--connections", connections, "--user-prefix", f"late-{next(number)}-")
        return sold_out(bench, report), sum(cpu.values())
    measure()  # the gateway learns that it is sold out, and who the winners were
    return measure


def peer(bench, start, connections):
    def measure():
        with start() as program:
            bench.load_at(program, 10, 1)
            report, cpu = bench.load_at(program, 2 * bench.users, connections, "--user-prefix", "late-")
            return sold_out(bench, report), cpu
    return measure


def run(bench):
    peers = bench.peers(10)
    print("Each row is the run in the middle; ratios are those of one round, the one in the middle.\n")
    print("| connections, what | refusals/s | p50 ms | p99 ms | server CPU us each |")
    print("|---|---|---|---|---|")
    goals = []
    for connections in (64, 256):
        measures = {"openrun": openrun(bench, connections), "bare Beast": lambda c=connections: bench.beast(c)}
        measures |= {name: peer(bench, start, connections) for name, start in peers.items()}
        runs = bench.in_turn(measures)
        middles = in_the_middle(runs)
        for name, (report, cpu) in middles.items():
            print(f"| {connections}, {name} | {report['decided_per_second']:,.0f} | {ms(report['decided_us']['p50']):.2f} "
                  f"| {ms(report['decided_us']['p99']):.2f} | {cpu:.1f} |", flush=True)
        for name, wanted in (("bare Beast", OF_BEAST), ("go", OF_GO), ("single", None), ("redis", None)):
            if name in runs:
                share = compared(rate, runs, "openrun", name)
                goals.append(Goal(3, f"refusals when sold out at {connections}", f"at least {wanted} of it" if wanted else "",
                                  f"{rate(middles['openrun']):,.0f}/s", f"{name} {rate(middles[name]):,.0f}/s", share,
                                  share >= wanted if wanted else None))
    return goals
