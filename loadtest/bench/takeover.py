"""A partition with a million coupons in one open campaign is taken over, and one with as many in 10,000; what a claimed user and an outcome cost
in memory."""

import datetime
import time

from goals import at_most
from machine import anonymous_bytes, resident_bytes
from rig import thousands, wait_until

SECONDS_MAX, USER_BYTES_MAX, OUTCOME_BYTES_MAX = 2, 64, 16
# After which a gateway that is ready has given back what reading its window took.
TRIM_SECONDS = 3
# So long before the log time of a partition's checkpoint a gateway begins to read, however young its window is.
READ_BACK_SECONDS = 60


def logged_at(bench, message, partition):
    for line in bench.system.log_lines("issuer-1"):
        if line.get("message") == message and line.get("partition") == partition:
            stamp = line.get("time") or line.get("ts")
            last = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
    return last


def issued(bench, campaign):
    return bench.session.number(f"SELECT issued FROM campaign WHERE id = {campaign}")


def rebuild(bench, campaign, count, user):
    """Seconds from the assignment of the partition to the commit of a request that waits in it, and the issuer's growth meanwhile."""
    partition = bench.partition_of(campaign)
    bench.restart("issuer-1")
    wait_until("the issuer has the partition", lambda: bench.system.call("GET", "/readyz", daemon="issuer-1").status == 200)
    empty = resident_bytes(bench.system.pid("issuer-1"))
    bench.system.stop("issuer-1")
    bench.system.request(campaign, user)
    bench.system.start("issuer-1", bench.environment)
    wait_until("the request is decided", lambda: issued(bench, campaign) > count, 60, every=0.005)
    decided = time.time()
    return decided - logged_at(bench, "partition assigned", partition), resident_bytes(bench.system.pid("issuer-1")) - empty


def rebuild_many(bench, campaigns, partition, prefix):
    """Seconds from the assignment of the partition to the commit of the last of the requests that wait in it, one for each campaign."""
    bench.system.stop("issuer-1")
    bench.fill(campaigns, len(campaigns), prefix)
    end = bench.log_ends([partition])
    bench.system.start("issuer-1", bench.environment)
    wait_until_decided(bench, partition, end)
    return time.time() - logged_at(bench, "partition assigned", partition)


def wait_until_decided(bench, partition, end):
    question = f"SELECT next_offset FROM partition_checkpoint WHERE partition = {partition}"
    wait_until("all requests are decided", lambda: bench.session.number(question) >= end, 120, every=0.005)


def filled_many(bench, partition, count, width, rounds):
    """Campaigns in this partition with so many coupons among them, each with one left for every round."""
    campaigns = bench.create_many_in(partition, width, count // width + rounds)
    bench.fill(campaigns, count // width * width)
    wait_until_decided(bench, partition, bench.log_ends([partition]))
    return campaigns


def outcome_bytes(bench):
    """The gateway with and without what its window reads back at its start."""
    time.sleep(READ_BACK_SECONDS + 1)
    for (partition,) in bench.session.rows("SELECT partition FROM partition_checkpoint"):
        bench.create_in(int(partition), 1)
    sizes = []
    for age_s in ("1", "3600"):
        bench.restart("gateway-1", OPENRUN_GATEWAY__WINDOW_AGE_S=age_s)
        time.sleep(TRIM_SECONDS)
        sizes.append(anonymous_bytes(bench.system.pid("gateway-1")))
    window = 1_048_576
    outcomes = sum(min(int(n), window) for _, n in bench.session.rows("SELECT partition, next_offset FROM partition_checkpoint"))
    bench.restart("gateway-1")
    return (sizes[1] - sizes[0]) / outcomes, outcomes


def run(bench):
    count = bench.options.coupons
    campaign = bench.system.create(count + 10)
    bench.fill(campaign, count)
    wait_until("all are issued", lambda: issued(bench, campaign) == count, 120)
    seconds, grown = rebuild(bench, campaign, count, "the-last-one")
    a_user = grown / count
    an_outcome, outcomes = outcome_bytes(bench)
    partition, width = 1, bench.options.campaigns
    many_seconds = rebuild_many(bench, filled_many(bench, partition, count, width, rounds=1), partition, "late-")
    print(f"Takeover of {thousands(count)} coupons: {seconds:.2f} s from the assignment to the next commit; the issuer grows by {a_user:.0f} bytes a user. "
          f"Spread over {thousands(width)} campaigns, with a request for each of them waiting: {many_seconds:.2f} s until the last is decided. "
          f"The gateway's window: {an_outcome:.1f} bytes an outcome ({thousands(outcomes)} of them).", flush=True)
    return [at_most(5, f"takeover of a partition with {thousands(count)} coupons", SECONDS_MAX, seconds, "s", decimals=2),
            at_most(5, f"takeover of a partition with {thousands(count)} coupons in {thousands(width)} campaigns", SECONDS_MAX, many_seconds, "s", decimals=2),
            at_most(5, "issuer's resident memory a claimed user", USER_BYTES_MAX, a_user, "bytes"),
            at_most(5, "gateway's memory an outcome in the window", OUTCOME_BYTES_MAX, an_outcome, "bytes")]
