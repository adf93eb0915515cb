"""Refusals of a campaign that is sold out, at the door: openrun, a bare Beast handler that answers as often, and the peers."""

from goals import Goal, ratio
from rig import ms

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
    return bench.median(measure, lambda run: run[0]["decided_per_second"])


def peer(bench, start, connections):
    with start() as program:
        bench.load_at(program, 10, 1)

        def measure():
            report, cpu = bench.load_at(program, 2 * bench.users, connections, "--user-prefix", "late-")
            return sold_out(bench, report), cpu
        return bench.median(measure, lambda run: run[0]["decided_per_second"])


def run(bench):
    peers = bench.peers(10)
    print("| connections, what | refusals/s | p50 ms | p99 ms | server CPU us each |")
    print("|---|---|---|---|---|")
    goals = []
    for connections in (64, 256):
        measured = {"openrun": openrun(bench, connections), "bare Beast": bench.beast(connections)}
        measured |= {name: peer(bench, start, connections) for name, start in peers.items()}
        for name, (report, cpu) in measured.items():
            print(f"| {connections}, {name} | {report['decided_per_second']:,.0f} | {ms(report['decided_us']['p50']):.2f} "
                  f"| {ms(report['decided_us']['p99']):.2f} | {cpu:.1f} |", flush=True)
        rates = {name: report["decided_per_second"] for name, (report, _) in measured.items()}
        goals.append(ratio(3, f"refusals when sold out at {connections}", OF_BEAST, rates["openrun"], rates["bare Beast"], "bare Beast"))
        if "go" in rates:
            goals.append(ratio(3, f"refusals when sold out at {connections}", OF_GO, rates["openrun"], rates["go"], "one Go process"))
        goals += [Goal(3, f"refusals when sold out at {connections}", "", f"{rates['openrun']:,.0f}/s", f"{name} {rates[peer]:,.0f}/s",
                       rates["openrun"] / rates[peer]) for peer, name in (("single", "one C++ process"), ("redis", "redis"))]
    return goals
