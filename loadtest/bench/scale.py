"""What a coupon costs, in CPU, when the table or the campaigns are many, and two issuers beside one.

Few, many, few in turn in one system, so that what the machine does meanwhile cancels out: the figure is the cost among many over the mean of
the two among few around it. Each load has as many users on as many connections, none of its campaigns is met for the first time or sells
out, and what that costs once a campaign is told apart.
"""

import concurrent.futures

from goals import at_most, ratio
from rig import middle, thousands

FLAT_PERCENT_MAX = 10  # what two figures of one machine differ by anyway
CONNECTIONS, FIRST_USERS = 256, 10_000
BALLAST_CAMPAIGN_MAX = 2_000_000
# Coupons of campaigns that there are not, as the issuer writes them and in its order. The largest tables would take the issuer many minutes.
BALLAST = """
INSERT INTO coupon (campaign_id, sequence, user_id, idempotency_key, code, issued_at, request_partition, request_offset)
SELECT {campaign}, n, 'user-' || n, '', translate(left(md5({campaign} || '-' || n), 10), '0123456789abcdef', '가나다라마바사아자차카타파하거너'),
       now(), 0, n FROM generate_series(1, {count}) AS n
"""
# The coupons that campaigns have issued stand in whichever table is in use.
LAY_ASIDE = """
BEGIN; ALTER TABLE coupon RENAME TO coupon_aside; CREATE TABLE coupon (LIKE coupon_aside INCLUDING ALL);
INSERT INTO coupon SELECT * FROM coupon_aside WHERE campaign_id IN (SELECT id FROM campaign); COMMIT
"""
TAKE_BACK = """
BEGIN; LOCK TABLE coupon; INSERT INTO coupon_aside SELECT * FROM coupon ON CONFLICT DO NOTHING;
DROP TABLE coupon; ALTER TABLE coupon_aside RENAME TO coupon; COMMIT
"""


class Costs:
    """The loads of one section, as rows of one table."""

    def __init__(self, bench):
        self.bench = bench
        self.loads = 0

    def measure(self, name, campaigns=(), users=None):
        """A load on these campaigns, or on one that is made for it. Returns its server CPU in us a coupon."""
        bench = self.bench
        users = users or bench.users
        self.loads += 1
        where = ("--campaign", *campaigns, "--user-prefix", f"load{self.loads}-") if campaigns else ("--create", users + 1)
        before = self.commits()
        report, cpu = bench.costs(users, *where, "--connections", CONNECTIONS)
        assert report["outcomes"] == {"issued": users}, report["outcomes"]
        self.line(name, f"{report['decided_per_second']:,.0f}", f"{users / max(self.commits() - before, 1):.0f}", cpu)
        return sum(cpu.values())

    def commits(self):
        return self.bench.system.metrics("issuer-1").get('openrun_commits_total{result="committed"}', 0)

    def head(self, what):
        print(f"\n| {what}, {CONNECTIONS} connections | coupons/s | coupons a commit | server CPU us/coupon | " + " + ".join(self.bench.parts) + " |\n|---|---|---|---|---|",
              flush=True)

    @staticmethod
    def line(name, rate, together, cpu):
        print(f"| {name} | {rate} | {together} | {sum(cpu.values()):.1f} | " + " + ".join(f"{us:.0f}" for us in cpu.values()) + " |", flush=True)

    def bracket(self, few, many):
        """`few` and `many` measure. Returns by how many per cent many cost more than the few around them, the middle of all rounds."""
        before, growths = few(), []
        for _ in range(self.bench.repeats):
            among_many, after = many(), few()
            growths.append((among_many / ((before + after) / 2) - 1) * 100)
            before = after
        return growths


def flat(what, growths):
    return at_most(6, f"growth of the cost of a coupon {what}", FLAT_PERCENT_MAX, middle(growths), "%",
                   beside=f"few, many, few: {', '.join(f'{growth:+.1f}' for growth in growths)} %")


# ---- the table


class Table:
    """The table of coupons: as it is, or large by coupons of campaigns that there are not. No reader ever misses the coupon of one that there is."""

    def __init__(self, bench):
        self.bench = bench
        self.is_large = False
        self.has_ballast = False

    def rows(self):
        return self.bench.session.number("SELECT count(*) FROM coupon")

    def grow(self, size):
        self.use(large=True)
        self.is_large = self.has_ballast = True
        while (missing := size - self.rows()) > 0:
            campaign = self.bench.session.number("SELECT nextval('campaign_id')")
            self.bench.session.rows(BALLAST.format(campaign=campaign, count=min(missing, BALLAST_CAMPAIGN_MAX)))

    def use(self, large):
        if large == self.is_large or not self.has_ballast:
            return
        self.bench.session.rows(TAKE_BACK if large else LAY_ASIDE)
        self.is_large = large

    def settle(self):
        """What a table that was just written owes is paid here, whatever its size: no load finds any of it."""
        self.bench.superuser.rows("VACUUM (ANALYZE) coupon")
        self.bench.superuser.rows("CHECKPOINT")

    def close(self):
        self.use(large=False)
        self.bench.session.rows("DROP TABLE IF EXISTS coupon_aside")


def tables(bench):
    bench.warm_up_without_coupons()
    costs, table, goals = Costs(bench), Table(bench), []

    def among(large):
        def measure():
            table.use(large)
            table.settle()
            costs.measure("not counted: the first after the table was laid out", users=FIRST_USERS)
            return costs.measure(f"{thousands(table.rows())} coupons in the table")
        return measure
    try:
        for size in [1_000_000, *([bench.options.table] if bench.options.table > 1_000_000 else [])]:
            table.grow(size)
            costs.head("the table")
            goals.append(flat(f"with {thousands(size)} in the table", costs.bracket(among(large=False), among(large=True))))
    finally:
        table.close()
    return goals


# ---- campaigns


def create_campaigns(bench, count, stock):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda _: bench.system.create(stock), range(count)))


def campaigns(bench):
    """With a commit in each of four partitions for one the batches are small, whatever the campaigns are: those of one partition stand beside one campaign."""
    costs, wide = Costs(bench), bench.options.campaigns
    loads_max = 4 * bench.repeats + 4
    few = create_campaigns(bench, 4, bench.users * loads_max)
    before = bench.cpu()
    many = create_campaigns(bench, wide, -(-4 * bench.users // wide) * loads_max)
    made = {part: (now - before[part]) / wide * 1e6 for part, now in bench.cpu().items()}
    home = bench.partition_of(few[0])
    neighbours = [int(row[0]) for row in bench.session.rows(f"SELECT id FROM campaign WHERE partition = {home} AND id = ANY ('{{{','.join(map(str, many))}}}')")]
    goals = []
    costs.head("campaigns")
    for where, small, large in (("of one partition", few[:1], neighbours), ("in four partitions", few, many)):
        def among(some, where=where):
            return lambda: costs.measure(f"{thousands(len(some))} {where}", some)
        for some in (small, large):
            costs.measure(f"not counted: the first of {thousands(len(some))} {where}", some)
        goals.append(flat(f"with {thousands(len(large))} campaigns {where}, not {len(small)}", costs.bracket(among(small), among(large))))
    costs.line("once a campaign: to make it", "", "", made)
    return goals


# ---- issuers


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
