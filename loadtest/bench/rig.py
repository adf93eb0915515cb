"""The system that is measured, with every feature on: four partitions, relay and reconciler, codes by FF1, one request in a hundred traced."""

import concurrent.futures
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import uuid

from disk import Disk
from machine import ROOT, cpu_seconds, own_cpu_seconds, thread_cpu_seconds
from programs import BIN, Beast, Go, Redis, Single, SpanSink

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from system import System, wait_until  # noqa: E402

PARTITIONS = 4
WARM_UP_USERS = 100_000
WARM_UP_LOADS_MAX = 24
WARM = 0.01  # of a core at most for the broker's compiler, in two loads running
PARTS = ["gateway-1", "issuer-1", "kafka", "postgres", "relay-1", "reconciler-1"]


class Session:
    """A psql that stays: a question costs a fraction of a millisecond, not a process."""

    def __init__(self, url):
        self.psql = subprocess.Popen(["psql", "-XAtq", "-F", "\t", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def rows(self, text):
        self.psql.stdin.write(f"{text};\n\\echo end-of-rows\n".encode())
        self.psql.stdin.flush()
        found = []
        for line in self.psql.stdout:
            if line == b"end-of-rows\n":
                return found
            found.append(line.decode().rstrip("\n").split("\t"))
        raise RuntimeError(f"psql has ended at: {text}")

    def number(self, text):
        return int(self.rows(text)[0][0])

    def close(self):
        self.psql.communicate()


class Bench:
    def __init__(self, users, repeats=3):
        self.users = users
        self.repeats = repeats
        self.system = System(os.environ.get("OPENRUN_BENCH_STATE", ".openrun/bench"), partitions=PARTITIONS)
        self.parts = PARTS
        self.build = BIN
        self.environment = {}
        self.sink = None
        self.session = None
        self.superuser = None  # a session that may do what the daemons may not
        self.disk = None
        self.campaign = None

    @functools.cached_property
    def has_go(self):
        return Go.build()

    # ---- up and down

    def up(self):
        self.system.down()
        self.sink = SpanSink()
        self.environment = {"OPENRUN_TRACES__ENDPOINT": self.sink.url, "OPENRUN_TRACES__SAMPLE_RATIO": "0.01"}
        self.system.up(self.environment)
        url = self.system.environment["OPENRUN_DATABASE_URL"]
        superuser_url = url.replace("//openrun@", "//postgres@")
        self.session, self.superuser = Session(url), Session(superuser_url)
        self.disk = Disk(self.superuser.rows("SHOW data_directory")[0][0])
        self.age_database(superuser_url)

    def age_database(self, superuser_url):
        """What a server has that has been up for a while: WAL that is used again, where one is made within a commit for every 40,000 coupons
        else, and buffers that were in use before, where the first use of each has the kernel clear a page else."""
        subprocess.run(["psql", "-XAtq", "-f", ROOT / "config" / "postgres" / "wal-ahead.sql", superuser_url], stdout=subprocess.DEVNULL, check=True, timeout=300)
        # One row a page, as many as there are buffers.
        for statement in ("CREATE UNLOGGED TABLE filler (x text)", "ALTER TABLE filler ALTER x SET STORAGE plain",
                          "INSERT INTO filler SELECT repeat('x', 8000) FROM generate_series(1, (SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'))",
                          "DROP TABLE filler"):
            self.superuser.rows(statement)

    def down(self):
        for session in filter(None, (self.session, self.superuser)):
            session.close()
        self.system.down()
        if self.sink:
            self.sink.stop()

    def restart(self, name, **settings):
        self.system.stop(name)
        self.system.start(name, self.environment | settings)
        if name.startswith("gateway"):
            wait_until("the gateway is ready", self.system.ready, 60)

    # ---- loads

    def load(self, *arguments, timeout=600, gateway=None):
        done = subprocess.run(["openrun", "--json", *(["--gateway", gateway] if gateway else []), "load", *map(str, arguments)], env=os.environ | self.system.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise RuntimeError(f"openrun load said: {done.stdout.decode()[-500:]} {done.stderr.decode()[-500:]}") from None

    def load_at(self, program, users, connections, *arguments, campaign=1):
        """A load on a peer or a limit; returns its report and its CPU in us a request."""
        report = self.load("--campaign", campaign, "--url", program.url, "--users", users, "--connections", connections, *arguments,
                           *cpu_of(("server", pid) for pid in program.pids), gateway=None if isinstance(program, Beast) else program.url)
        return report, cpu_in(report)["server"]

    def peers(self, stock):
        """What starts each peer; `single` and `go` are one design in two languages."""
        storing = {"single": Single, "go": Go} if self.has_go else {"single": Single}
        return {"redis": lambda: Redis(stock)} | {
            name: lambda peer=peer: peer(stock, self.system.environment["OPENRUN_DATABASE_URL"], self.system.pid("postgres"))
            for name, peer in storing.items()}

    def peer_run(self, start, connections, *arguments):
        with start() as program:
            return self.load_at(program, self.users, connections, *arguments)

    def beast(self, connections, *arguments):
        """The bare handler. It knows no campaign: the tool is given one of openrun's."""
        if self.campaign is None:
            self.campaign = self.system.create(1)

        with Beast() as program:
            return self.load_at(program, 2 * self.users, connections, *arguments, campaign=self.campaign)

    def costs(self, users, *arguments, parts=PARTS):
        """A load on openrun; returns its report and the CPU of each part in us a user. The load measures it from its first request to its last
        outcome: what it asks about its campaigns before and after is in no part's."""
        report = self.load("--users", users, *arguments, *cpu_of((part, self.system.pid(part)) for part in parts))
        cpu = cpu_in(report)
        return report, {part: cpu[part] for part in parts}

    def cpu(self, parts=PARTS):
        """What each part has used so far, in seconds."""
        return {part: cpu_seconds(self.system.pid(part)) for part in parts}

    def median(self, measure, key):
        """The run in the middle of `repeats` runs, by this key."""
        return middle_run((measure() for _ in range(self.repeats)), key)

    def in_turn(self, measures):
        """Each of the named measures once a round, `repeats` rounds: what changes with the machine's minute changes for all of them.
        Returns the runs of each, in the order of the rounds, so that those of one round can be compared."""
        runs = {name: [] for name in measures}
        for _ in range(self.repeats):
            for name, measure in measures.items():
                runs[name].append(measure())
        return runs

    def warm_up(self):
        """Until the broker's JVM has compiled what it runs: a cold one costs three times as much a coupon, and its compiler takes a core besides.
        And Postgres has had a checkpoint, as one that is up for a while has: pages have been written whole."""
        self.until_compiled(lambda connections: self.load("--create", WARM_UP_USERS, "--users", WARM_UP_USERS, "--connections", connections))

    def warm_up_without_coupons(self):
        """The same requests through all daemons, to a campaign that pauses: each is refused by the issuer, and no table grows."""
        campaign = self.system.create(1)
        self.system.call("POST", f"/v1/campaigns/{campaign}/pause", {}, admin=True)

        def load(connections):
            report = self.load("--campaign", campaign, "--users", WARM_UP_USERS, "--connections", connections)
            assert report["outcomes"] == {"PAUSED": WARM_UP_USERS}, report["outcomes"]
        self.until_compiled(load)

    def until_compiled(self, load):
        kafka, quiet, compilers = self.system.pid("kafka"), 0, ("C1 ", "C2 ")
        for number in range(WARM_UP_LOADS_MAX):
            compiled, began = thread_cpu_seconds(kafka, compilers), time.monotonic()
            load((64, 256)[number % 2])
            share = (thread_cpu_seconds(kafka, compilers) - compiled) / (time.monotonic() - began)
            quiet = quiet + 1 if share <= WARM else 0
            if number == 1:
                self.superuser.rows("CHECKPOINT")
            if quiet == 2:
                break
        print(f"Warmed up with {number + 1} loads of {WARM_UP_USERS:,} users; of a core the broker's compiler took {share:.1%} in the last.\n", flush=True)

    # ---- limits

    def raw_copy(self, rows):
        done = subprocess.run([BIN / "openrun-bench-copy", self.system.environment["OPENRUN_DATABASE_URL"], str(rows), "5000"],
                              stdout=subprocess.PIPE, check=True, timeout=300)
        return float(done.stdout)

    def raw_log(self, records):
        done = subprocess.run([BIN / "openrun-bench-log", self.system.environment["OPENRUN_KAFKA"], str(records)],
                              stdout=subprocess.PIPE, check=True, timeout=300)
        return json.loads(done.stdout)

    # ---- backlogs

    def partition_of(self, campaign):
        return self.session.number(f"SELECT partition FROM campaign WHERE id = {campaign}")

    def create_in(self, partition, stock):
        """A campaign whose home is this partition."""
        while True:
            campaign = self.system.create(stock)
            if self.partition_of(campaign) == partition:
                return campaign

    def create_many_in(self, partition, count, stock):
        """Campaigns whose home is this partition. Which ids are anybody's else is settled beforehand: of the numbers that come most belong elsewhere."""
        name = uuid.uuid4()
        keys = [key for (key,) in self.session.rows(
            f"INSERT INTO campaign_reservation (campaign_id, idempotency_key, partition) SELECT id, '{name}-' || id, {partition} "
            f"FROM (SELECT nextval('campaign_id') AS id FROM generate_series(1, {PARTITIONS * count})) AS given WHERE id % {PARTITIONS} = {partition} RETURNING idempotency_key")]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            return list(pool.map(lambda key: self.system.create(stock, key=key), keys))

    def fill(self, campaigns, requests, prefix="user-"):
        """Puts requests into the log, for one campaign or for several in turn, and doesn't wait for their outcome."""
        campaigns = campaigns if isinstance(campaigns, list) else [campaigns]
        report = self.load("--campaign", *campaigns, "--users", requests, "--connections", 512, "--mode", "submit", "--user-prefix", prefix)
        assert report["accepted"] == requests, report

    def drain(self, partitions, start):
        """Calls `start`, and waits until the issuers have decided all that is in these partitions. Returns decided a second, from the first
        commit that is seen to the last, and what the first issuer used of a core meanwhile."""
        names = ",".join(map(str, partitions))
        ends = self.log_ends(partitions)
        question = f"SELECT sum(next_offset) FROM partition_checkpoint WHERE partition IN ({names})"
        begin = self.session.number(question)
        start()
        progress = []

        def look():
            issuer = own_cpu_seconds(self.system.pid("issuer-1"))
            progress.append((time.monotonic(), self.session.number(question), issuer))
            return progress[-1][1] >= ends
        wait_until("the backlog is decided", look, 180, every=0.01)
        first = next(step for step in progress if step[1] > begin)
        last = progress[-1]
        seconds, decided = last[0] - first[0], last[1] - first[1]
        return decided / seconds, decided / max(last[2] - first[2], 0.01)

    def log_ends(self, partitions):
        """The end of the log, summed, as kcat tells it: for each partition -1 asks for the end."""
        asked = [word for p in partitions for word in ("-t", f"openrun.requests:{p}:-1")]
        done = subprocess.run(["kcat", "-b", self.system.environment["OPENRUN_KAFKA"], "-Q", *asked], stdout=subprocess.PIPE, check=True, timeout=60)
        return sum(int(line.rpartition(" ")[2]) for line in done.stdout.decode().splitlines())


def cpu_of(processes):
    """What makes a load measure the CPU of these: (name, pid) each."""
    return [f"--cpu={name}={pid}" for name, pid in processes]


def cpu_in(report):
    """What a load has measured, in us a decided request, by name."""
    ended = [one["name"] for one in report["cpu"] if one["ended"]]
    assert not ended, f"ended during the load, so that nobody knows what they cost: {ended}"
    return {one["name"]: one["us_per_decided"] for one in report["cpu"]}


def thousands(value):
    return f"{value:,.0f}"


def ms(us):
    return us / 1000


def middle(values):
    return statistics.median(values)


def rate(run):
    return run[0]["decided_per_second"]


def cost(run):
    """Its server CPU in us a coupon, of all parts where there are several."""
    return sum(run[1].values()) if isinstance(run[1], dict) else run[1]


def middle_run(runs, key):
    runs = sorted(runs, key=key)
    return runs[len(runs) // 2]


def in_the_middle(runs):
    """Of each program the run in the middle, by its rate. `runs` as in_turn() returns them."""
    return {name: middle_run(of, rate) for name, of in runs.items()}


def compared(figure, runs, one, other):
    """How the figure of one stands to that of the other in each round; the ratio in the middle. `runs` as in_turn() returns them."""
    return middle(figure(a) / figure(b) for a, b in zip(runs[one], runs[other], strict=True))


def write_lines(path, lines):
    pathlib.Path(path).write_text("\n".join(lines) + "\n")
