"""What a coupon costs when the table and the campaigns are many, and two issuers beside one."""

import concurrent.futures

from goals import at_most, ratio
from rig import thousands, wait_until

FLAT_PERCENT_MAX = 10  # what two figures of one machine differ by anyway
CONNECTIONS, CAMPAIGNS = 256, 10_000


def cost(bench, *campaigns):
    def measure():
        report, cpu = bench.costs(bench.users, *(campaigns or ("--create", bench.users)), "--connections", CONNECTIONS)
        return report, sum(cpu.values()), cpu
    return bench.median(measure, lambda run: run[1])


def line(name, report, total, cpu):
    print(f"| {name} | {report['decided_per_second']:,.0f} | {total:.1f} | " + " + ".join(f"{us:.0f}" for us in cpu.values()) + " |", flush=True)
    return total


def table_size(bench):
    return bench.session.number("SELECT count(*) FROM coupon")


def grow_table(bench, coupons):
    missing = coupons - table_size(bench)
    while missing > 0:
        count = min(missing, 2_000_000)
        campaign = bench.system.create(count)
        bench.fill(campaign, count)
        wait_until("all are issued", lambda: bench.session.number(f"SELECT issued FROM campaign WHERE id = {campaign}") == count, 300)  # noqa: B023
        missing -= count


def create_campaigns(bench, count, stock):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda _: bench.system.create(stock), range(count)))


def growth(what, few, many):
    return at_most(6, f"growth of the {what}", FLAT_PERCENT_MAX, (many / few - 1) * 100, "%", beside=f"{few:.1f} us, then {many:.1f} us")


def tables(bench):
    bench.warm_up_without_coupons()
    bench.load("--create", 10_000, "--users", 10_000, "--connections", CONNECTIONS)
    print("| scale, 256 connections | coupons/s | server CPU us/coupon | " + " + ".join(bench.parts) + " |")
    print("|---|---|---|---|")
    small = None
    goals = []
    for size in [10_000, 1_000_000, *([bench.options.table] if bench.options.table > 1_000_000 else [])]:
        grow_table(bench, size)
        rows = table_size(bench)
        total = line(f"{thousands(rows)} coupons in the table", *cost(bench))
        if small is None:
            small = total
        else:
            goals.append(growth(f"cost of a coupon with {thousands(rows)} in the table", small, total))
    return goals


def campaigns(bench):
    line("1 campaign", *cost(bench))
    # Four partitions decide in batches a quarter as large: what has as many campaigns as partitions is the fair neighbour.
    few = line("4 campaigns, one in each partition", *cost(bench, "--create", bench.users // 4, "--campaigns", 4))
    wide = bench.options.campaigns
    stock = -(-bench.users // wide)
    made = create_campaigns(bench, wide, stock)
    report, cpu = bench.costs(wide * stock, "--campaign", *made, "--connections", CONNECTIONS)
    many = line(f"{thousands(wide)} campaigns", report, sum(cpu.values()), cpu)
    return [growth(f"cost of a coupon with {thousands(wide)} campaigns (the tool's own look at each of them included)", few, many)]


def issuers(bench):
    """One issuer with a backlog in one partition, then two with one each. Whoever joins first has both until the other has joined: that is in the figure."""
    count = bench.options.backlog
    system = bench.system
    one = bench.create_in(0, count)
    system.stop("issuer-1")
    bench.fill(one, count)
    alone = bench.drain([0], lambda: system.start("issuer-1", bench.environment))[0]
    system.dev("up", "--issuers", 2, environment=bench.environment, timeout=600)
    halves = [bench.create_in(partition, count) for partition in (0, 2)]
    for name in ("issuer-1", "issuer-2"):
        system.stop(name)
    for half in halves:
        bench.fill(half, count)

    def start():
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: system.start(name, bench.environment), ("issuer-1", "issuer-2")))
    together = bench.drain([0, 2], start)[0]
    system.dev("up", "--issuers", 1, environment=bench.environment, timeout=600)
    print(f"One issuer on one partition: {thousands(alone)} coupons/s; two on two: {thousands(together)}/s.", flush=True)
    return [ratio(6, "two issuers on two partitions", 1.0, together, alone, "one on one")]


def run(bench):
    return tables(bench) + campaigns(bench) + issuers(bench)
