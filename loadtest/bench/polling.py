"""Submit-then-poll, as real clients do it: a submit, then one long poll. Closed loop, then at rates, with latencies from the intended send time.

At a rate the first two seconds are not counted: in them the load generator opens its connections, as many at once as there are requests that wait.
Beside each stands the disk: 8 KiB made durable every 5 ms in the same folder. Where it stands still, so does every commit.
"""

from goals import at_least, at_most
from rig import ms, thousands

WANTED, CONNECTIONS, WARM_UP_SECONDS, SECONDS = 20_000, 256, 2, 10


def measured(bench, users, *arguments):
    with bench.disk.watched() as disk:
        report = bench.load("--create", users, "--users", users, *arguments, "--mode", "poll")
        return report | {"disk_ms": {"p99": disk.ms(0.99), "max": disk.ms(1)}}


def at_rate(bench, rate):
    return measured(bench, rate * (WARM_UP_SECONDS + SECONDS), "--rate", rate, "--connections", 2_000, "--warmup", WARM_UP_SECONDS)


def line(name, report):
    good = report["outcomes"].get("issued", 0) / report["sent"]
    figures = report["decided_us"]
    print(f"| {name} | {report['decided_per_second']:,.0f} | {ms(report['accepted_us']['p50']):.1f} | {ms(figures['p50']):.1f} | {ms(figures['p99']):.1f} "
          f"| {ms(figures['p999']):.1f} | {good:.2%} | {report['disk_ms']['p99']:.1f} | {report['disk_ms']['max']:.1f} |", flush=True)


def run(bench):
    print("| submit, then one long poll | users/s | until the receipt, p50 ms | until the outcome, p50 | p99 | p99.9 | issued | the disk alone, p99 ms | longest |")
    print("|---|---|---|---|---|---|---|---|---|")
    closed = bench.median(lambda: measured(bench, bench.users, "--connections", CONNECTIONS),
                          lambda report: report["decided_per_second"])
    line(f"closed loop, {CONNECTIONS} connections", closed)
    half = WANTED // 2
    at_half, at_thousand = (bench.median(lambda rate=rate: at_rate(bench, rate), lambda report: report["decided_us"]["p99"]) for rate in (half, 1_000))
    line(f"{thousands(half)} a second, half of what is wanted", at_half)
    line("1,000 a second", at_thousand)
    return [at_least(2, "submit, then one long poll: users", WANTED, closed["decided_per_second"]),
            at_most(2, f"p99 from the intended send time at {thousands(half)}/s", 50, ms(at_half["decided_us"]["p99"]), "ms"),
            at_most(2, "p50 at 1,000/s", 8, ms(at_thousand["decided_us"]["p50"]), "ms"),
            at_most(2, "p99 at 1,000/s", 20, ms(at_thousand["decided_us"]["p99"]), "ms")]
