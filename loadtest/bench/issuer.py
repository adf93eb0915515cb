"""The issuer alone, from a full log: coupons beside raw COPY of such rows, refusals, and the log's own limits."""

from goals import Goal, at_least, ratio
from rig import middle, thousands

OF_COPY, REFUSALS = 0.8, 500_000


def coupons(bench, count):
    campaign = bench.system.create(count)
    partition = bench.partition_of(campaign)
    bench.system.stop("issuer-1")
    bench.fill(campaign, count)
    return bench.drain([partition], lambda: bench.system.start("issuer-1", bench.environment))[0]


def refused(bench, count):
    """The backlog of a campaign that is sold out: no gateway knows it yet, because nobody has decided."""
    campaign = bench.system.create(1)
    partition = bench.partition_of(campaign)
    bench.system.stop("issuer-1")
    bench.fill(campaign, count)
    return bench.drain([partition], lambda: bench.system.start("issuer-1", bench.environment))


def run(bench):
    count = bench.options.backlog
    copy, alone = [], []
    for _ in range(bench.repeats):
        copy.append(bench.raw_copy(count))
        alone.append(coupons(bench, count))
    log = bench.raw_log(500_000)
    refusals, a_core = refused(bench, bench.options.refusals)
    print(f"Issuer alone: {thousands(middle(alone))} coupons/s of {', '.join(map(thousands, alone))}; raw COPY {thousands(middle(copy))} of "
          f"{', '.join(map(thousands, copy))}. Refusals: {thousands(refusals)}/s, {thousands(a_core)} a second of the issuer's CPU. "
          f"Raw log: {thousands(log['produced_per_second'])}/s in, {thousands(log['consumed_per_second'])}/s out.", flush=True)
    return [ratio(4, "issuer alone, full log to durable commit", OF_COPY, middle(alone), middle(copy), "raw COPY"),
            at_least(4, "refusals in the log, a second and core", REFUSALS, a_core, beside=f"{thousands(refusals)}/s by the clock"),
            Goal(4, "the log alone, one partition", "", f"{thousands(log['produced_per_second'])}/s in", f"{thousands(log['consumed_per_second'])}/s out")]
