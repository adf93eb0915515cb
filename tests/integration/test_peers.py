"""The peers that the benchmark compares with do what they claim: a peer that cheats would make the comparison worthless."""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "loadtest" / "bench"))
import goals  # noqa: E402
from programs import BIN, Go, Redis, Single  # noqa: E402
from system import free_ports  # noqa: E402

STATE = pathlib.Path(os.environ.get("OPENRUN_TEST_STATE", ROOT / ".openrun/integration/peers"))
STOCK, USERS = 500, 2_000
postgres_port = None


def postgres(command):
    script = f"source {ROOT}/tools/dev/postgres/postgres.sh; {command}"
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=120).stdout.decode().strip()


def setUpModule():
    global postgres_port
    subprocess.run(["cmake", "--build", str(BIN.parent), "--target", "openrun-bench-redis", "openrun-bench-single", "openrun"],
                   check=True, stdout=subprocess.DEVNULL, timeout=900)
    STATE.mkdir(parents=True, exist_ok=True)
    tearDownModule()  # what a run that was killed has left
    (postgres_port,) = free_ports(1)
    postgres(f"postgres_start {STATE}/postgres {postgres_port} {STATE}/postgres.log {STATE}/postgres.pid")


def tearDownModule():
    postgres(f"postgres_stop {STATE}/postgres.pid; postgres_wipe {STATE}/postgres")


def database_url():
    return postgres(f"postgres_url {postgres_port}")


def rows(text):
    done = subprocess.run(["psql", "-XAtq", database_url(), "-c", text], check=True, stdout=subprocess.PIPE, timeout=60)
    return done.stdout.decode().split()


def load(peer, *arguments):
    done = subprocess.run(
        [str(BIN / "openrun"), "--json", "--gateway", peer.url, "load", "--campaign", "1", "--url", peer.url, *map(str, arguments)],
        env=dict(os.environ, OPENRUN_ADMIN_TOKEN="none"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, timeout=120)
    return json.loads(done.stdout)


class Reports(unittest.TestCase):
    def test_a_report_names_machine_commit_command_and_settings_as_json_and_as_a_page(self):
        page = STATE / "report.html"
        with Redis(100) as peer:
            report = load(peer, "--users", 200, "--connections", 8, "--report", page)
        self.assertIn(f"{os.cpu_count()} cores", report["run"]["machine"])
        self.assertIn("--users 200", report["run"]["command"])
        self.assertEqual(report["run"]["settings"]["users"], "200")
        text = page.read_text()
        for part in (report["run"]["machine"], report["run"]["commit"], "SOLD_OUT", "<svg", "exact"):
            self.assertIn(part, text)


class Goals(unittest.TestCase):
    def test_a_goal_is_reached_at_its_bound_and_the_table_says_so(self):
        reached = [goals.at_least(1, "a", 10, 10), goals.at_most(1, "b", 10, 10, "us"), goals.ratio(1, "c", 0.8, 80, 100, "limit")]
        missed = [goals.at_least(1, "d", 10, 9.9), goals.at_most(1, "e", 10, 10.1, "us"), goals.ratio(1, "f", 0.8, 79, 100, "limit")]
        self.assertEqual([goal.reached for goal in reached + missed], [True] * 3 + [False] * 3)
        lines = goals.table(missed + reached).splitlines()
        self.assertEqual([line.split(" | ")[-1].strip(" |") for line in lines[2:]], ["**no**"] * 3 + ["yes"] * 3)
        self.assertIn("| limit 100/s | 0.79 |", goals.table(missed))


class Exactness:
    def test_a_peer_issues_exactly_its_stock_and_no_user_has_two(self):
        with self.peer() as peer:
            report = load(peer, "--users", USERS, "--connections", 64, "--double-click")
            self.assertTrue(report["exact"], report["checks"])
            self.assertEqual(report["outcomes"]["issued"], STOCK)
            self.assertEqual(report["outcomes"]["ALREADY_ISSUED"], STOCK)
            self.assertEqual(report["outcomes"]["SOLD_OUT"], 2 * (USERS - STOCK))

    def test_a_peer_shows_a_winner_the_same_coupon_after_it_has_sold_out(self):
        with self.peer() as peer:
            load(peer, "--users", STOCK, "--connections", 16)
            again = load(peer, "--users", STOCK + 1, "--connections", 16)
            self.assertEqual(again["outcomes"], {"ALREADY_ISSUED": STOCK, "SOLD_OUT": 1})


class RedisPeer(Exactness, unittest.TestCase):
    @staticmethod
    def peer():
        return Redis(STOCK)


class Durability:
    def test_what_a_peer_has_told_is_in_postgres_when_it_is_killed(self):
        told, enough = [], threading.Event()

        def be_users(lane):
            connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=30)
            with contextlib.suppress(OSError, http.client.HTTPException):
                for user in itertools.count():
                    connection.request("POST", "/v1/campaigns/1/requests", json.dumps({"user_id": f"{lane}-{user}"}, separators=(",", ":")))
                    told.append(json.loads(connection.getresponse().read())["coupon"]["sequence"])
                    if len(told) > 2_000:
                        enough.set()
            connection.close()

        with self.peer(1_000_000) as peer:
            users = [threading.Thread(target=be_users, args=(lane,)) for lane in range(16)]
            for user in users:
                user.start()
            self.assertTrue(enough.wait(60))
            peer.kill()
            for user in users:
                user.join()
        saved = [int(sequence) for sequence in rows("SELECT sequence FROM bench_single_coupon")]
        self.assertEqual(set(told) - set(saved), set())
        self.assertEqual(len(told), len(set(told)))


class SinglePeer(Exactness, Durability, unittest.TestCase):
    @staticmethod
    def peer(stock=STOCK):
        return Single(stock, database_url())


class GoPeer(Exactness, Durability, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not Go.build():
            raise unittest.SkipTest("there is no Go, or nothing to build the peer from")

    @staticmethod
    def peer(stock=STOCK):
        return Go(stock, database_url())


if __name__ == "__main__":
    unittest.main()
