"""Waited requests of clients that connect anew for each: openrun, a bare Beast handler and the peers. The waited rows have connections that are kept."""

from goals import Goal
from rig import compared, cost, in_the_middle, ms, rate

CONNECTIONS = (64, 256, 1_024)
ANEW = "--no-keep-alive"


def run(bench):
    peers = bench.peers(bench.users)
    print("Each row is the run in the middle; ratios are those of one round, the one in the middle.\n")
    print("| connections at a time, what | coupons/s | p50 ms | p99 ms | of bare Beast | server CPU us/coupon |")
    print("|---|---|---|---|---|---|")
    goals = []
    for connections in CONNECTIONS:
        measures = {"bare Beast": lambda c=connections: bench.beast(c, ANEW),
                    "openrun": lambda c=connections: bench.costs(bench.users, "--create", bench.users, "--connections", c, ANEW)}
        measures |= {name: lambda start=start, c=connections: bench.peer_run(start, c, ANEW) for name, start in peers.items()}
        runs = bench.in_turn(measures)
        middles = in_the_middle(runs)
        for name, one in middles.items():
            times = one[0]["decided_us"]
            print(f"| {connections:,}, {name} | {rate(one):,.0f} | {ms(times['p50']):.1f} | {ms(times['p99']):.1f} "
                  f"| {compared(rate, runs, name, 'bare Beast'):.2f} | {cost(one):.0f} |", flush=True)
            if name not in ("openrun", "bare Beast"):
                goals.append(Goal(1, f"a connection for each request, {connections:,} at a time", "", f"{rate(middles['openrun']):,.0f}/s",
                                  f"{name} {rate(one):,.0f}/s", compared(rate, runs, "openrun", name)))
    return goals
