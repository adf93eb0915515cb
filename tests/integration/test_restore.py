"""An older database catches up from the log: to the same coupons, and no receipt's answer changes. Until it has, no gateway answers from it.

OPENRUN_RESTORE_COUPONS=200000 lets as many more be issued after the backup, to see how long catching up with them takes.
"""

import datetime
import os
import subprocess
import threading
import time
import unittest
import urllib.parse

from crowd import Crowd, answer_of, answers
from system import PATIENCE, System, patiently, wait_until, wrong_checks

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
MORE_COUPONS = int(os.environ.get("OPENRUN_RESTORE_COUPONS", "0"))
system = System(STATE, gateways=2, issuers=2, partitions=3)

# What the log decides. Left out is what a commit adds by its own clock, and what comes by other ways (redeeming, discarding, exporting).
DECIDED = {
    "coupon": "SELECT campaign_id, sequence, user_id, idempotency_key, code, issued_at, valid_until, request_partition, request_offset, request_nonce FROM coupon "
              "ORDER BY campaign_id, sequence",
    "campaign": "SELECT id, name, stock, issued, starts_at, ends_at, state, paused, closed, partition, policy, created_at, updated_at, terms_offset, "
                "digest FROM campaign ORDER BY id",
    "campaign_command": "SELECT * FROM campaign_command ORDER BY campaign_id, request_offset",
    "campaign_reservation": "SELECT campaign_id, idempotency_key, partition FROM campaign_reservation ORDER BY campaign_id",
    "dead_letter": "SELECT partition, \"offset\", log_time, key, value, headers, reason, error, final_partition, final_offset FROM dead_letter "
                   "ORDER BY partition, \"offset\"",
    "partition_checkpoint": "SELECT partition, next_offset, log_time, fingerprint, decision_version FROM partition_checkpoint ORDER BY partition",
}


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def decided():
    return {table: system.sql(query) for table, query in DECIDED.items()}


def admin(campaign, call, body=None, key=None, method="POST"):
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = patiently(PATIENCE, lambda: system.call(method, f"/v1/campaigns/{campaign}{call}", body, headers=headers, admin=True), again=(202, 503))
    if answer.status != 200:
        raise AssertionError(f"{call} answered {answer}")
    return answer.json


def create(key, **terms):
    terms = {"starts_at": rfc3339(time.time()), **terms}
    answer = patiently(PATIENCE, lambda: system.call("POST", "/v1/campaigns", terms, headers={"Idempotency-Key": key}, admin=True), again=(202, 503))
    if answer.status != 201:
        raise AssertionError(f"create answered {answer}")
    return answer.json["id"]


def redeem(code, user):
    answer = system.call("POST", f"/v1/coupons/{urllib.parse.quote(code)}/redeem", {"user_id": user})
    if answer.status != 200:
        raise AssertionError(f"redeeming answered {answer}")


def home_of(campaign):
    return int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])


def produce(partition, value):
    """A record of a foreign producer."""
    subprocess.run(
        ["kcat", "-P", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition), "-k", "7"],
        input=value.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=True)


def log_ends():
    """The end of each partition of the requests topic."""
    told = system.kafka_tool("org.apache.kafka.tools.GetOffsetShell", "--topic", "openrun.requests")
    return {int(line.split(":")[1]): int(line.split(":")[2]) for line in told.splitlines() if line.startswith("openrun.requests:")}


def caught_up(ends):
    offsets = system.next_offsets()
    return all(offsets.get(partition, 0) >= end for partition, end in ends.items())


def behind(metrics):
    return sum(value for name, value in metrics.items() if name.startswith("openrun_store_behind_results")) > 0


def coupons_stored():
    return int(system.sql("SELECT count(*) FROM coupon")[0][0])


class Backup:
    """pg_dump, and the restore as docs/runbooks/restore.md tells it."""

    def __init__(self, path):
        self.path = path
        self.url = system.environment["OPENRUN_DATABASE_URL"]

    def run(self, *command):
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
        if done.returncode:
            raise AssertionError(f"{command[0]}: {done.stdout.decode()[-2000:]}")

    def take(self):
        self.run("pg_dump", "-Fc", "-f", self.path, self.url)

    def restore(self):
        other = self.url.rpartition("/")[0] + "/postgres"
        self.run("psql", "-Xq", other, "-v", "ON_ERROR_STOP=1", "-c", "DROP DATABASE openrun WITH (FORCE)")
        self.run("psql", "-Xq", other, "-v", "ON_ERROR_STOP=1", "-c", "CREATE DATABASE openrun ENCODING 'UTF8' TEMPLATE template0")
        self.run("pg_restore", "--exit-on-error", "-d", self.url, self.path)


class IdsReservedTwice(unittest.TestCase):
    """The database is restored from before an id was reserved, whose create command stands in the log and is not decided."""

    def test_the_create_that_stands_first_in_the_log_has_the_id_and_the_other_one_gets_another(self):
        for issuer in ("issuer-1", "issuer-2"):
            system.stop(issuer)
        try:
            creates = [self.begin("first")]
            self.assertEqual(system.sql("DELETE FROM campaign_reservation WHERE idempotency_key = 'first' RETURNING campaign_id"), [[str(self.reserved)]])
            system.sql(f"SELECT setval('campaign_id', {self.reserved}, false)")
            first = self.reserved
            creates.append(self.begin("second"))
            self.assertEqual(self.reserved, first)
        finally:
            for issuer in ("issuer-1", "issuer-2"):
                system.start(issuer)
        for thread in creates:
            thread.join()
        ids = {}
        for name in ("first", "second"):
            wait_until("it is made", lambda n=name: self.ask(n).status == 201, 60)
            made = self.ask(name).json
            self.assertEqual(made["name"], name)
            ids[name] = made["id"]
        self.assertEqual(ids["first"], first)
        self.assertNotEqual(ids["second"], first)
        self.assertEqual(system.sql(f"SELECT id, name FROM campaign WHERE id IN ({ids['first']}, {ids['second']}) ORDER BY name"),
                         [[str(ids["first"]), "first"], [str(ids["second"]), "second"]])

    def ask(self, name):
        return system.call("POST", "/v1/campaigns", {"name": name, "stock": 1, "starts_at": "2027-01-15T08:00:00Z"}, headers={"Idempotency-Key": name}, admin=True)

    def begin(self, name):
        """A create that stands in the log when this returns; its id is then in `reserved`."""
        before = sum(log_ends().values())
        thread = threading.Thread(target=self.ask, args=(name,))
        thread.start()
        wait_until("it is in the log", lambda: sum(log_ends().values()) > before)
        self.reserved = int(system.sql(f"SELECT campaign_id FROM campaign_reservation WHERE idempotency_key = '{name}'")[0][0])
        return thread


class Restored(unittest.TestCase):
    """One backup, one loss, one restore; what must hold is asked of it by every test."""

    @classmethod
    def setUpClass(cls):
        cls.backup = Backup(system.state / "openrun.dump")
        cls.before_the_backup()
        crowd = Crowd(system, [cls.large, cls.paused], "crowd")
        wait_until("some have asked", crowd.has_asked(100), 120)
        cls.backup.take()
        wait_until("more have asked since", crowd.has_asked(200), 120)
        cls.kept = crowd.stop()
        cls.after_the_backup()
        cls.many_more()
        wait_until("all is decided", lambda: caught_up(log_ends()), 60)
        cls.told = answers(system, cls.kept)
        assert None not in cls.told.values()
        cls.was = decided()
        cls.lost = cls.lose()
        cls.bring_back()

    @classmethod
    def before_the_backup(cls):
        system.sql(
            "CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.user_id LIKE 'poison-%' THEN "
            "RAISE EXCEPTION 'not this one' USING ERRCODE = '22021'; END IF; RETURN NEW; END $$; "
            "CREATE TRIGGER refuse_poison BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION refuse_poison()")
        cls.large = system.create(100_000)
        cls.paused = system.create(50_000)
        cls.small = system.create(3)
        for user in ("kim", "lee", "park", "choi", "kim"):
            system.request(cls.small, user, wait=30)
        cls.early_letter = system.receipt(cls.large, "poison-early", wait=30)
        cls.used_early = system.request(cls.large, "user-early", wait=30).json["coupon"]["code"]
        redeem(cls.used_early, "user-early")

    @classmethod
    def after_the_backup(cls):
        """Everything that the log holds a record of, and everything that it holds none of."""
        cls.kept.append(cls.early_letter)
        admin(cls.paused, "/pause", key="pause")
        admin(cls.small, "/stock", {"add": 2}, key="restock")
        cls.ask(cls.paused, "while-paused")
        admin(cls.paused, "/resume", key="resume")
        for user in ("choi", "jung", "late", "kim"):
            cls.ask(cls.small, user)
        admin(cls.small, "/close", key="close")
        cls.new = create("made-after", name="made after the backup", stock=10)
        for user in ("kim", "poison-late", "lee"):
            cls.ask(cls.new, user)
        produce(home_of(cls.new), "no record")
        # What depends on the time: a request before its campaign opens, and one before the end.
        cls.opening = cls.asked_within("opens", "NOT_STARTED", lambda soon: dict(name="opens soon", stock=10, starts_at=soon))
        cls.ending = cls.asked_within("ends", "issued", lambda soon: dict(name="ends soon", stock=10, ends_at=soon))
        wait_until("both are over", lambda: system.campaign(cls.ending)["state"] == "ended" and system.campaign(cls.opening)["state"] == "open", 30)
        system.command("dlq", "replay", "--partition", str(home_of(cls.large)), "--reason", "STORE_REFUSED", "--execute")
        # Only in Postgres: a coupon that is used, a dead letter that is given up, a dispatch rate.
        cls.used_late = system.request(cls.large, "user-late", wait=30).json["coupon"]["code"]
        redeem(cls.used_late, "user-late")
        assert system.command("dlq", "discard", "--reason", "UNDECODABLE", "--execute")[0] == 0
        assert system.command("dispatch", "5000")[0] == 0

    @classmethod
    def asked_within(cls, key, outcome, terms):
        """A campaign that changes soon, after somebody has asked; a busy machine gets more time for that."""
        for seconds in (3, 10, 30):
            campaign = create(f"{key}-{seconds}", **terms(rfc3339(time.time() + seconds)))
            cls.ask(campaign, "in-time")
            if f'"{outcome}"' in answer_of(system, cls.kept[-1]):
                return campaign
        raise AssertionError(f"nobody has asked within 30 s: {answer_of(system, cls.kept[-1])}")

    @classmethod
    def ask(cls, campaign, user):
        """One request that no gateway refuses by itself, decided when this returns; its receipt is kept."""
        cls.kept.append(system.call("POST", f"/gate/events/{campaign}/enqueue?userId={user}").json["receipt"])
        wait_until("it is decided", lambda: answer_of(system, cls.kept[-1]))

    @classmethod
    def many_more(cls):
        if not MORE_COUPONS:
            return
        system.command("dispatch", "0")
        report = system.load("--create", MORE_COUPONS, "--users", MORE_COUPONS, "--connections", 128).finish(900)
        assert not wrong_checks(report), report

    @classmethod
    def lose(cls):
        """Requests that nobody decides any more, then everything is gone at once. Returns their receipts."""
        for issuer in ("issuer-1", "issuer-2"):
            system.kill(issuer)
        lost = [system.receipt(cls.large, f"undecided-{number}") for number in range(20)]
        for daemon in ("gateway-1", "relay-1", "reconciler-1"):
            system.kill(daemon)
        return lost  # gateway-2 runs on: the database is restored below it

    @classmethod
    def bring_back(cls):
        ends = log_ends()
        cls.backup.restore()
        coupons, records = coupons_stored(), sum(ends.values()) - sum(system.next_offsets().values())
        # The wrong order: whoever must not serve or judge a store of that moment is there first.
        for daemon in ("gateway-1", "reconciler-1"):
            system.start(daemon)
        cls.while_behind = cls.look_around()
        begun = time.monotonic()
        for daemon in ("relay-1", "issuer-1", "issuer-2"):
            system.start(daemon)
        wait_until("the issuers have caught up", lambda: caught_up(ends), 300)
        seconds = time.monotonic() - begun
        coupons = coupons_stored() - coupons
        print(f"\ncaught up {records} records and {coupons} coupons in {seconds:.1f} s from the start of the issuers on")
        assert coupons > 200, "there was nothing to catch up with"
        cls.now = decided()
        for gateway in (1, 2):
            wait_until("the gateway is ready by itself", lambda g=gateway: system.ready(g), 30)

    @classmethod
    def look_around(cls):
        """What gateways and reconciler say of a store that nobody catches up yet."""
        said = {}
        for gateway in (1, 2):
            reason = lambda g=gateway: system.call("GET", "/readyz", gateway=g).json.get("detail", "")
            knows = wait_until("the gateway knows", lambda r=reason: "waiting for the issuers to catch up" in (text := r()) and text, 30)
            said[gateway] = {"readyz": knows, "poll": system.status(cls.kept[-1], gateway), "new": system.request(cls.large, "new", gateway, patience=0),
                             "campaign": system.call("GET", f"/v1/campaigns/{cls.new}", gateway=gateway), "metrics": system.metrics(f"gateway-{gateway}"),
                             "operations": system.call("GET", "/v1/operations", gateway=gateway, admin=True)}
        wait_until("the reconciler knows", lambda: behind(system.metrics("reconciler-1")), 30)
        judged = lambda: system.metrics("reconciler-1").get("openrun_reconciler_last_success_timestamp_seconds", 0)
        before = judged()
        wait_until("the reconciler has looked at all of it", lambda: judged() > before, 30)
        said["reconciler"] = system.metrics("reconciler-1")
        return said

    def test_no_gateway_serves_before_the_store_has_caught_up(self):
        for gateway in (1, 2):
            said = self.while_behind[gateway]
            self.assertRegex(said["readyz"], r"partition \d at offset \d+, its results at \d+")
            for call in ("poll", "new", "campaign"):
                self.assertEqual((said[call].status, said[call].headers["Retry-After"]), (503, "1"), f"{call} at gateway {gateway}: {said[call]}")
            self.assertTrue(behind(said["metrics"]))
            self.assertEqual(said["operations"].status, 200)
            self.assertIn("waiting for the issuers", said["operations"].body)
            self.assertFalse(behind(system.metrics(f"gateway-{gateway}")))

    def test_the_reconciler_reports_nothing_of_a_store_that_is_behind(self):
        for metrics in (self.while_behind["reconciler"], system.metrics("reconciler-1")):
            self.assertEqual(metrics.get("openrun_acknowledged_not_issued_total", 0), 0)
            self.assertEqual({name: value for name, value in metrics.items() if name.startswith("openrun_reconciler_drift") and value}, {})
        wait_until("it has checked what was told", lambda: not behind(system.metrics("reconciler-1")), 30)
        self.assertEqual([line for line in system.log_lines("reconciler-1") if "not in the store" in line.get("message", "")], [])

    def test_the_same_coupons_are_there_again_and_none_twice(self):
        undecided = {"undecided-" + str(number) for number in range(20)}
        self.assertEqual([row for row in self.now["coupon"] if row[2] not in undecided], self.was["coupon"])
        for table in ("campaign_command", "campaign_reservation", "dead_letter"):
            self.assertEqual(self.now[table], self.was[table], table)
        others = lambda rows: [row for row in rows if int(row[0]) != self.large]
        self.assertEqual(others(self.now["campaign"]), others(self.was["campaign"]))
        home = home_of(self.large)
        self.assertEqual([row for row in self.now["partition_checkpoint"] if int(row[0]) != home],
                         [row for row in self.was["partition_checkpoint"] if int(row[0]) != home])

    def test_every_receipt_shows_what_it_showed_at_every_gateway(self):
        for gateway in (1, 2):
            self.assertEqual({r: a for r, a in answers(system, self.kept, gateway).items() if a != self.told[r]}, {})

    def test_what_was_accepted_and_not_decided_is_decided(self):
        wait_until("every gateway has heard of it", lambda: None not in [*answers(system, self.lost, 1).values(), *answers(system, self.lost, 2).values()])
        self.assertEqual([answer for answer in answers(system, self.lost).values() if '"status":"issued"' not in answer], [])

    def test_the_proof_is_clean(self):
        wait_until("the relay has published all", lambda: system.sql(
            "SELECT count(*) FROM partition_checkpoint c LEFT JOIN relay_progress r USING (partition) "
            "WHERE next_offset > 0 AND coalesce(published_through, 0) < next_offset") == [["0"]], 30)
        self.assertTrue(system.audit()["clean"])
        self.assertTrue(system.deep_audit()["clean"])
        metrics = system.metrics("reconciler-1")
        self.assertEqual(metrics.get("openrun_acknowledged_not_issued_total", 0), 0)

    def test_the_same_key_again_makes_no_second_campaign_and_a_new_one_takes_no_id_twice(self):
        self.assertEqual(create("made-after", name="made after the backup", stock=10), self.new)
        newest = create("made-after-the-restore", name="another", stock=1)
        self.assertGreater(newest, max(int(row[0]) for row in self.was["campaign"]))
        again = admin(self.paused, "/resume", key="resume")
        self.assertEqual(again["state"], "open")
        self.assertEqual(system.request(newest, "kim", wait=30).status, 201)

    def test_what_stands_in_no_log_is_as_it_was_at_the_backup(self):
        used = lambda code: system.sql(f"SELECT status FROM coupon WHERE code = '{code}'")
        self.assertEqual((used(self.used_early), used(self.used_late)), ([["USED"]], [["UNUSED"]]))
        self.assertEqual(system.sql("SELECT count(*) FROM dead_letter WHERE discarded_at IS NOT NULL"), [["0"]])
        self.assertEqual(system.sql("SELECT count(*) FROM dispatch"), [["0"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
