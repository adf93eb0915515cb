"""Drills: each makes an alert fire on a running system as it would in earnest, and clears it as its runbook says."""

import contextlib
import json
import os
import pathlib
import subprocess
import time
import unittest

from prometheus import Prometheus
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/monitoring")
system = System(STATE + "-drills", issuers=2, partitions=2)
prometheus = Prometheus(pathlib.Path(str(system.state) + "-prometheus"))

ISSUERS = ("issuer-1", "issuer-2")
DAEMONS = {"openrun-gateway": ["gateway-1"], "openrun-issuer": ISSUERS, "openrun-relay": ["relay-1"], "openrun-reconciler": ["reconciler-1"]}


def setUpModule():
    system.down()
    system.up({"OPENRUN_RECONCILER__FULL_INTERVAL_S": "1"})
    prometheus.start({job: [system.port(name) for name in names] for job, names in DAEMONS.items()})


def tearDownModule():
    prometheus.stop()
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def quiet():
    return not prometheus.firing()


def produce(partition, records):
    """Records of a foreign producer."""
    subprocess.run(
        ["kcat", "-P", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition), "-k", "7"],
        input=b"nobody reads this\n" * records, timeout=30, check=True)


def dlq(*arguments):
    code, out, err = system.command("--json", "dlq", *arguments)
    if code != 0:
        raise AssertionError(out + err)


def ask_in_background(campaign, user):
    """Nobody looks at the answer."""
    return subprocess.Popen(
        ["curl", "-s", "-m", "40", "-d", f'{{"user_id":"{user}"}}', "-H", "Content-Type: application/json", "-H", "Prefer: wait=30",
         f"{system.url()}/v1/campaigns/{campaign}/requests"], stdout=subprocess.DEVNULL)


def kafka_topic_setting(topic, *change):
    system.kafka_tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", topic, *change)


@contextlib.contextmanager
def without(*names, end=system.stop):
    """Meanwhile these do not run; whatever becomes of the test, the next one finds them again."""
    try:
        for name in names:
            end(name)
        yield
    finally:
        for name in names:
            system.start(name)


def again_by_hand(name, environment):
    """Stops a daemon and starts it as it ran, with more in its environment, without a shell that would get it too."""
    process = pathlib.Path(f"/proc/{system.pid(name)}")
    command = process.joinpath("cmdline").read_bytes().split(b"\0")[:-1]
    before = dict(line.split(b"=", 1) for line in process.joinpath("environ").read_bytes().split(b"\0") if b"=" in line)
    system.stop(name)
    with (system.state / "log" / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, env=before | {os.fsencode(key): os.fsencode(value) for key, value in environment.items()},
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class Drill(unittest.TestCase):
    def setUp(self):
        wait_until("no alert fires", quiet, seconds=60)

    def expect(self, name, seconds=60, **labels):
        def fires():
            return [alert for alert in prometheus.firing().get(name, []) if labels.items() <= alert["labels"].items()]
        (alert, *_) = wait_until(f"{name} fires", fires, seconds=seconds)
        self.assertNotIn("no value", alert["annotations"]["description"])
        self.assertNotIn("error", alert["annotations"]["description"])
        return alert

    @staticmethod
    def restart(*names):
        with without(*names):
            pass

    @staticmethod
    def restart_gateway(environment=None):
        system.stop("gateway-1")
        system.start("gateway-1", environment)
        wait_until("the gateway serves", system.ready)

    def expect_clear(self, name, seconds=60):
        wait_until(f"{name} clears", lambda: name not in prometheus.firing(), seconds=seconds)


class Drills(Drill):
    def test_a_dead_letter_fires_until_it_is_discarded(self):
        produce(1, 1)
        alert = self.expect("OpenrunDeadLetters", partition="1")
        self.assertEqual(alert["annotations"]["description"], "1 dead letters of partition 1 are neither replayed nor discarded.")
        dlq("discard", "--reason", "UNDECODABLE", "--execute")
        self.expect_clear("OpenrunDeadLetters")

    def test_without_issuers_nothing_progresses_until_one_is_back(self):
        campaign = system.create(stock=10)
        with without(*ISSUERS, end=system.kill):
            self.assertEqual(system.request(campaign, "ann").status, 202)
            self.expect("OpenrunDaemonDown", job="openrun-issuer")
            self.expect("OpenrunPartitionOwners")
            self.expect("OpenrunNoProgress")
        self.expect_clear("OpenrunNoProgress")
        self.expect_clear("OpenrunPartitionOwners")
        self.expect_clear("OpenrunDaemonDown")

    def test_a_counter_that_was_changed_by_hand_is_drift_and_over_issue(self):
        campaign = system.create(stock=1)
        self.assertEqual(system.request(campaign, "bob", wait=30).status, 201)
        system.sql(f"ALTER TABLE campaign DROP CONSTRAINT campaign_check; UPDATE campaign SET issued = 2 WHERE id = {campaign}")
        try:
            self.expect("OpenrunOverIssue", invariant="issued_within_stock")
            self.expect("OpenrunDrift", invariant="issued_is_coupons")
        finally:
            system.sql(f"UPDATE campaign SET issued = 1 WHERE id = {campaign}; ALTER TABLE campaign ADD CHECK (issued <= stock)")
        self.expect_clear("OpenrunOverIssue")
        self.expect_clear("OpenrunDrift")

    def test_postgres_that_is_down_is_store_trouble(self):
        system.stop("postgres")
        try:
            self.expect("OpenrunStoreTrouble")
        finally:
            system.start("postgres")
        self.expect_clear("OpenrunStoreTrouble")

    def test_a_frozen_broker_acknowledges_nothing_and_hands_nothing_out(self):
        campaign = system.create(stock=10)
        system.freeze("kafka")
        try:
            self.addCleanup(ask_in_background(campaign, "cay").wait)
            self.expect("OpenrunProduceStall")
            self.expect("OpenrunResultsBehind")
        finally:
            system.thaw("kafka")
        self.expect_clear("OpenrunProduceStall")
        self.expect_clear("OpenrunResultsBehind")

    def test_refusals_for_want_of_room_are_overload(self):
        campaign = system.create(stock=10)
        self.restart_gateway({"OPENRUN_GATEWAY__PENDING_MAX": "1"})
        system.freeze("kafka")
        try:
            def overloaded():
                # One is pending for as long as the log does not acknowledge it; there is no room for the others.
                self.addCleanup(ask_in_background(campaign, "dan").wait)
                return "OpenrunOverloaded" in prometheus.firing()
            wait_until("OpenrunOverloaded fires", overloaded, seconds=60, every=0.5)
        finally:
            system.thaw("kafka")
            self.restart_gateway()
        self.expect_clear("OpenrunOverloaded")

    def test_more_than_a_thousand_unpublished_rows_are_a_backlog(self):
        with without("relay-1"):
            campaign = system.create(stock=3000)
            system.load("--campaign", campaign, "--users", 2500, "--connections", 1).finish()
            self.expect("OpenrunOutboxBacklog")
        self.expect_clear("OpenrunOutboxBacklog")

    def test_most_records_of_a_batch_undecodable_stop_until_they_are_accepted(self):
        with without(*ISSUERS):
            first = system.next_offsets().get(0, 0)
            produce(0, 150)
        self.expect("OpenrunBulkDeadLetters", partition="0")
        dlq("accept", "--partition", 0, "--offsets", f"{first}-{first + 149}", "--by", "kim")
        self.expect_clear("OpenrunBulkDeadLetters")
        self.expect("OpenrunDeadLetters", partition="0")
        dlq("discard", "--reason", "UNDECODABLE", "--execute")
        self.expect_clear("OpenrunDeadLetters")

    def test_no_gateway_and_no_reconciler(self):
        with without("gateway-1", "reconciler-1"):
            self.expect("OpenrunGatewayDown")
            self.expect("OpenrunReconcilerBlind")
        self.expect_clear("OpenrunGatewayDown")
        self.expect_clear("OpenrunReconcilerBlind")

    def test_waits_that_fill_their_bound_are_a_high_level(self):
        campaign = system.create(stock=10)
        try:
            self.restart_gateway({"OPENRUN_GATEWAY__WAITS_MAX": "2"})
            with without(*ISSUERS):
                for user in ("eve", "fay"):
                    self.addCleanup(ask_in_background(campaign, user).wait)
                self.expect("OpenrunLevelHigh", of="waits")
            self.expect_clear("OpenrunLevelHigh")
        finally:
            self.restart_gateway()

    def test_an_acknowledged_coupon_without_a_row(self):
        campaign = system.create(stock=1)
        self.assertEqual(system.request(campaign, "gil", wait=30).status, 201)
        system.sql(f"CREATE TABLE kept AS SELECT * FROM coupon WHERE campaign_id = {campaign}; DELETE FROM coupon WHERE campaign_id = {campaign}")
        self.restart("reconciler-1")
        alert = self.expect("OpenrunAcknowledgedNotIssued")
        self.assertEqual(alert["annotations"]["description"], "1 coupons were acknowledged and have no row.")
        self.expect("OpenrunDrift")
        system.sql("INSERT INTO coupon SELECT * FROM kept; DROP TABLE kept")
        self.restart("reconciler-1")
        self.expect_clear("OpenrunAcknowledgedNotIssued")
        self.expect_clear("OpenrunDrift")

    def test_a_store_as_it_was_before_something_that_was_published(self):
        campaign = system.create(stock=1)
        self.assertEqual(system.request(campaign, "ida", wait=30).status, 201)
        partition = system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0]
        move = lambda by: system.sql(f"UPDATE partition_checkpoint SET next_offset = next_offset + {by} WHERE partition = {partition}")
        with without(*ISSUERS):
            move(-1)
            try:
                alert = self.expect("OpenrunStoreBehindResults", partition=partition)
                self.assertEqual(alert["annotations"]["description"], f"1 outcomes of partition {partition} were published and are not in Postgres.")
                wait_until("the gateway has noticed too", lambda: not system.ready())
            finally:
                move(1)
        self.expect_clear("OpenrunStoreBehindResults")
        wait_until("the gateway serves", system.ready)
        self.expect_clear("OpenrunDrift")

    def test_a_store_that_refuses_even_dead_letters(self):
        system.sql("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no letters' USING ERRCODE = '22021'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON dead_letter FOR EACH ROW EXECUTE FUNCTION refuse()""")
        try:
            produce(0, 1)
            self.expect("OpenrunStoreRefused", partition="0")
        finally:
            system.sql("DROP TRIGGER refuse ON dead_letter; DROP FUNCTION refuse")
            self.restart(*ISSUERS)
        self.expect_clear("OpenrunStoreRefused")
        self.expect("OpenrunDeadLetters", partition="0")
        dlq("discard", "--partition", 0, "--execute")
        self.expect_clear("OpenrunDeadLetters")

    def test_writers_that_are_fenced_again_and_again(self):
        campaigns = [system.create(stock=1000), system.create(stock=1000)]

        def fenced():
            system.sql("UPDATE partition_checkpoint SET epoch = epoch + 1")
            for campaign in campaigns:
                system.request(campaign, f"user-{time.monotonic_ns()}", patience=0)
            return "OpenrunWriterFenced" in prometheus.firing()
        wait_until("OpenrunWriterFenced fires", fenced, seconds=90, every=1)
        self.expect_clear("OpenrunWriterFenced", seconds=90)

    def test_a_clock_behind_the_brokers_until_it_is_set_right(self):
        campaign = system.create(stock=10)
        clock = system.state / "clock-of-issuer-1"
        clock.write_text("+0s", encoding="ascii")
        system.stop("issuer-2")
        (library,) = pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        # Waiting goes by the other clock, which nobody sets.
        issuer = again_by_hand("issuer-1", {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        try:
            wait_until("it owns both", lambda: sum(
                value for key, value in system.metrics("issuer-1").items() if key.startswith("openrun_issuer_owned")) == 2)
            clock.write_text("-20s", encoding="ascii")
            waits = ask_in_background(campaign, "hal")
            self.addCleanup(waits.wait)
            alert = self.expect("OpenrunClockAhead", partition=str(campaign % 2))
            self.assertRegex(alert["annotations"]["description"], r"is \d{4,5} ms ahead of the issuer's clock")
            # As `timedatectl` would: the issuer runs on.
            clock.write_text("+0s", encoding="ascii")
            self.expect_clear("OpenrunClockAhead")
            wait_until("it is decided", lambda: system.campaign(campaign)["issued"] == 1)
        finally:
            issuer.terminate()
            issuer.wait(timeout=30)
            for name in ISSUERS:
                system.start(name)
        self.expect_clear("OpenrunPartitionOwners")

    def test_a_daemon_that_kafka_does_not_let_in(self):
        system.stop("relay-1")
        system.start("relay-1", {"OPENRUN_KAFKA__LIBRDKAFKA__SECURITY_PROTOCOL": "SSL"})
        try:
            alert = self.expect("OpenrunLogTrouble")
            self.assertIn("at least 1 daemon is kept out", alert["annotations"]["description"])
        finally:
            self.restart("relay-1")
        self.expect_clear("OpenrunLogTrouble")

    def test_a_results_topic_that_takes_nothing_stalls_the_relay(self):
        campaign = system.create(stock=10)
        kafka_topic_setting("openrun.results", "--add-config", "max.message.bytes=20")
        try:
            self.addCleanup(ask_in_background(campaign, "ivy").wait)
            self.expect("OpenrunRelayStalled", seconds=90, partition=str(campaign % 2))
            # What is decided stands, published or not.
            self.assertEqual(system.sql(f"SELECT issued FROM campaign WHERE id = {campaign}"), [["1"]])
        finally:
            kafka_topic_setting("openrun.results", "--delete-config", "max.message.bytes")
        self.expect_clear("OpenrunRelayStalled")

    def test_results_that_are_not_looked_for_in_postgres(self):
        campaign = system.create(stock=10)
        partition = str(campaign % 2)
        self.assertEqual(system.request(campaign, "jon", wait=30).status, 201)
        kcat = ["kcat", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.results", "-p", partition]
        batch = wait_until("a result stands in the topic", lambda: subprocess.run(
            [*kcat, "-C", "-o", "-1", "-c", "1", "-e", "-f", "%s"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30, check=True).stdout)
        # Whoever alters a table holds such a lock. Results may come again as often as they like.
        session = system.psql("BEGIN; LOCK TABLE coupon IN ACCESS EXCLUSIVE MODE;\n")
        try:
            wait_until("the table is locked", lambda: system.sql(
                "SELECT 1 FROM pg_locks WHERE relation = 'coupon'::regclass AND mode = 'AccessExclusiveLock' AND granted"))
            mark = b"\n-- the next --\n"
            self.assertNotIn(mark, batch)
            subprocess.run([*kcat, "-P", "-k", partition, "-D", mark.decode()], input=mark.join([batch] * 12_000), timeout=60, check=True)
            self.expect("OpenrunAcknowledgedBehind", partition=partition)
        finally:
            session.communicate(timeout=30)
        self.expect_clear("OpenrunAcknowledgedBehind")
        self.expect_clear("OpenrunStoreTrouble")


class TheEnd(Drill):
    """Nothing goes on after it but a system with new topics and a new database. Runs last."""

    def test_a_lost_log_and_a_newer_version_end_a_system_and_the_next_one_begins(self):
        first, second = system.create(stock=10), system.create(stock=10)
        lost, newer = first % 2, second % 2
        for campaign in (first, second):
            self.assertEqual(system.request(campaign, "kay", wait=30).status, 201)
        # LogRecord{nonce: 1, decision_version: {version: 2}}
        subprocess.run(
            ["kcat", "-P", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(newer)],
            input=b"\x0d\x01\x00\x00\x00\x2a\x02\x08\x02", timeout=30, check=True)
        self.expect("OpenrunDecisionVersion", partition=str(newer))
        with without(*ISSUERS):
            for number in range(5):
                self.assertEqual(system.request(first, f"late-{number}").status, 202)
            plan = system.state / "delete-records.json"
            plan.write_text(json.dumps({"version": 1, "partitions": [
                {"topic": "openrun.requests", "partition": lost, "offset": system.next_offsets()[lost] + 3}]}), encoding="ascii")
            system.kafka_tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", plan)
        self.expect("OpenrunLogLost", partition=str(lost))
        self.expect("OpenrunDecisionVersion", partition=str(newer))
        self.follow_the_runbook(max(first, second))
        self.expect_clear("OpenrunLogLost")
        self.expect_clear("OpenrunDecisionVersion")
        wait_until("no alert fires", quiet, seconds=60)

    def follow_the_runbook(self, last_campaign):
        """docs/runbooks/log-lost.md, steps 2, 4 and 5."""
        self.assertTrue(system.sql("SELECT * FROM partition_checkpoint ORDER BY partition"))
        self.assertEqual(system.command("topics", "check")[0], 0)
        ends = subprocess.run(["kcat", "-b", system.environment["OPENRUN_KAFKA"], "-Q", "-t", "openrun.requests:0:-1"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30, check=True).stdout.decode()
        self.assertRegex(ends, r"offset \d+")
        system.audit()
        system.sql("CREATE DATABASE openrun_next")
        url = system.environment["OPENRUN_DATABASE_URL"].rpartition("/")[0] + "/openrun_next"
        next_system = {"OPENRUN_POSTGRES__URL": url, "OPENRUN_KAFKA__REQUESTS_TOPIC": "openrun-next.requests",
                       "OPENRUN_KAFKA__RESULTS_TOPIC": "openrun-next.results", "OPENRUN_KAFKA__DEAD_LETTERS_TOPIC": "openrun-next.dead-letters"}
        for command in (["migrate"], ["topics", "create"]):
            code, out, err = system.command(*command, environment=next_system)
            self.assertEqual(code, 0, out + err)
        system.environment["OPENRUN_DATABASE_URL"] = url
        system.sql(f"ALTER SEQUENCE campaign_id RESTART WITH {last_campaign + 1}")
        everybody = [name for names in DAEMONS.values() for name in names]
        for name in everybody:
            system.stop(name)
        for name in everybody:
            system.start(name, next_system)
        wait_until("the gateway serves", system.ready)
        remaining = wait_until("a campaign is created", lambda: system.create(stock=9))
        self.assertGreater(remaining, last_campaign)
        self.assertEqual(system.request(remaining, "lee", wait=30).status, 201)


if __name__ == "__main__":
    unittest.main()
