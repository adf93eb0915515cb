"""The pipeline on real parts, in good weather and bad: one running system for the whole file."""

import concurrent.futures
import os
import time
import unittest

import records
from system import System, wait_until, wrong_checks

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
# Committed, but published to a topic that nobody reads: as if each issuer died between commit and publication.
LOST_RESULTS = {"OPENRUN_KAFKA__RESULTS_TOPIC": "nobody-reads-this"}
system = System(STATE, gateways=2, issuers=2, relays=2, partitions=4)


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def gateway_urls():
    return ["--url", system.url(1), "--url", system.url(2)]


def owner_of(partition):
    """Which issuer writes the partition, by its backend's application_name and the daemons' own metrics."""
    for name in ("issuer-1", "issuer-2"):
        try:
            metrics = system.metrics(name)
        except OSError:
            continue
        if metrics.get(f'openrun_issuer_owned{{partition="{partition}"}}') == 1.0:
            return name
    return None


def relay_of(partition):
    for name in ("relay-1", "relay-2"):
        if system.metrics(name).get(f'openrun_relay_owned{{partition="{partition}"}}') == 1.0:
            return name
    return None


def settled():
    """Both issuers own partitions and every gateway is ready."""
    for partition in range(4):
        wait_until(f"partition {partition} has a writer", lambda p=partition: owner_of(p), 30)
    for gateway in (1, 2):
        wait_until(f"gateway-{gateway} is ready", lambda g=gateway: system.ready(g), 30)


class PipelineCase(unittest.TestCase):
    def setUp(self):
        settled()

    def assertExact(self, report):
        self.assertEqual(wrong_checks(report), [], report)
        self.assertEqual(report["undecided"], 0)

    def assertClean(self):
        self.assertTrue(system.audit()["clean"])


class OpenRun(PipelineCase):
    def test_a_thousand_coupons_for_ten_thousand_users_who_double_click(self):
        report = system.load(
            "--create", 1000, "--opens-in", 2, "--at-start", "--users", 10000, "--double-click", "--connections", 256,
            "--check-codes", "--reread", *gateway_urls()).finish()
        self.assertExact(report)
        self.assertEqual(report["outcomes"]["issued"], 1000)
        campaign = report["campaigns"][0]
        self.assertEqual(system.sql(f"SELECT count(*), count(DISTINCT user_id), count(DISTINCT code), min(char_length(code)), "
                                    f"max(char_length(code)) FROM coupon WHERE campaign_id = {campaign}"),
                         [["1000", "1000", "1000", "10", "10"]])
        self.assertClean()

    def test_asking_twice_shows_the_first_coupon(self):
        campaign = system.create(5)
        first = system.request(campaign, "kim", wait=30)
        again = system.request(campaign, "kim", gateway=2, wait=30)
        self.assertEqual((first.status, again.status), (201, 409))
        self.assertEqual(again.json["code"], "ALREADY_ISSUED")
        self.assertEqual(again.json["coupon"]["code"], first.json["coupon"]["code"])

    def test_nobody_gets_a_coupon_before_the_start(self):
        campaign = system.create(5, opens_in=3600)
        answer = system.request(campaign, "early", wait=30)
        self.assertEqual((answer.status, answer.json["code"]), (409, "NOT_STARTED"))

    def test_stock_one_and_64_users_at_once_gives_one_coupon(self):
        report = system.load("--create", 1, "--users", 64, "--connections", 64, *gateway_urls()).finish()
        self.assertExact(report)
        self.assertEqual(report["outcomes"]["issued"], 1)


class Commands(PipelineCase):
    def test_the_same_key_changes_nothing_again(self):
        campaign = system.create(5)
        path = f"/v1/campaigns/{campaign}/stock"
        key = {"Idempotency-Key": "add-three"}
        answers = [system.call("POST", path, {"add": 3}, g, key, admin=True) for g in (1, 2)]
        self.assertEqual([a.status for a in answers], [200, 200])
        self.assertEqual([a.json["stock"] for a in answers], [8, 8])
        self.assertEqual(system.campaign(campaign)["stock"], 8)

    def test_creating_twice_with_one_key_creates_one_campaign(self):
        body = {"name": "once", "stock": 1, "starts_at": "2026-01-01T00:00:00.000Z"}
        key = {"Idempotency-Key": f"create-{time.time()}"}
        answers = [system.call("POST", "/v1/campaigns", body, g, key, admin=True) for g in (1, 2)]
        self.assertEqual([a.status for a in answers], [201, 201])
        self.assertEqual(answers[0].json["id"], answers[1].json["id"])

    def test_pause_resume_and_close(self):
        campaign = system.create(5)
        post = lambda verb: system.call("POST", f"/v1/campaigns/{campaign}/{verb}", admin=True)
        self.assertEqual(post("pause").json["state"], "paused")
        self.assertEqual(system.request(campaign, "u1", wait=30).json["code"], "PAUSED")
        self.assertEqual(post("resume").json["state"], "open")
        self.assertEqual(system.request(campaign, "u1", wait=30).status, 201)
        self.assertEqual(post("close").json["state"], "closed")
        wait_until("refused as closed", lambda: system.request(campaign, "u2", wait=30).json.get("code") == "CLOSED")
        self.assertEqual(system.request(campaign, "u1", wait=30).json["code"], "ALREADY_ISSUED")
        self.assertEqual(post("resume").status, 409)

    def test_stock_cannot_fall_below_what_is_issued(self):
        campaign = system.create(2)
        self.assertEqual(system.request(campaign, "u1", wait=30).status, 201)
        answer = system.call("POST", f"/v1/campaigns/{campaign}/stock", {"add": -2}, admin=True)
        self.assertEqual((answer.status, answer.json["code"]), (409, "BELOW_ISSUED"))

    def test_the_dispatch_rate_changes_while_it_runs(self):
        campaign = system.create(100)
        partition = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        put = lambda rate: system.call("PUT", "/v1/dispatch", {"per_second": rate, "partition": partition}, admin=True)
        self.assertEqual(put(5).status, 200)
        try:
            before = system.next_offsets()[partition]
            # The limit reaches the issuer within a second; then thirty requests take several seconds.
            wait_until("the issuer follows", lambda: system.metrics(owner_of(partition)).get(
                f'openrun_issuer_dispatch_per_second{{partition="{partition}"}}') == 5.0)
            load = system.load("--campaign", campaign, "--users", 30, "--connections", 30, "--mode", "poll", "--url", system.url())
            wait_until("requests arrive", lambda: system.metrics("gateway-1").get("openrun_accepted_total", 0) > 0)
            self.assertLess(system.next_offsets()[partition] - before, 25)
            self.assertEqual(put(0).status, 200)
            report = load.finish(60)
            self.assertExact(report)
            self.assertEqual(report["outcomes"]["issued"], 30)
        finally:
            put(0)


class IssuerDies(PipelineCase):
    def test_sigkill_in_the_middle_of_eight_campaigns(self):
        load = system.load("--create", 4000, "--campaigns", 8, "--users", 40000, "--connections", 128, "--mode", "poll",
                           "--retries", 20, "--reread", *gateway_urls())
        self.addCleanup(load.abandon)
        wait_until("coupons flow", lambda: int(system.sql("SELECT coalesce(max(issued), 0) FROM campaign WHERE name = 'load'")[0][0]) > 100, 60)
        victim = owner_of(0)
        orphans = [p for p in range(4) if owner_of(p) == victim]
        killed_at = time.time()
        system.kill(victim)
        try:
            # What the victim committed stands by now; the first batch after it is the successor's.
            before = system.next_offsets()
            for partition in orphans:
                wait_until("the other decides", lambda p=partition: system.next_offsets()[p] > before[p])
            print(f"\n  {len(orphans)} partitions decide again {time.time() - killed_at:.2f} s after SIGKILL (session time-out 6 s)")
            report = load.finish(300)
        finally:
            system.start(victim)
        self.assertExact(report)
        self.assertClean()


class Zombie(PipelineCase):
    def freeze_and_take_over(self, waiting):
        campaign = system.create(50000)
        partition = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        victim = owner_of(partition)
        epoch = int(system.sql(f"SELECT epoch FROM partition_checkpoint WHERE partition = {partition}")[0][0])
        load = system.load("--campaign", campaign, "--users", 30000, "--connections", 64, "--mode", "poll", "--retries", 20,
                           *gateway_urls())
        self.addCleanup(load.abandon)
        wait_until("coupons flow", lambda: int(system.sql(f"SELECT issued FROM campaign WHERE id = {campaign}")[0][0]) > 50, 30)
        try:
            if waiting:
                self.freeze_while_its_batch_waits(victim, partition)
            else:
                system.freeze(victim)
            frozen_at = time.time()
            wait_until("a new epoch", lambda: int(system.sql(
                f"SELECT epoch FROM partition_checkpoint WHERE partition = {partition}")[0][0]) > epoch)
            print(f"\n  takeover after SIGSTOP{' while its batch waited' if waiting else ''}: {time.time() - frozen_at:.2f} s")
            progress = system.next_offsets()[partition]
            wait_until("the successor decides", lambda: system.next_offsets()[partition] > progress)
        finally:
            system.thaw(victim)
        report = load.finish(300)
        self.assertExact(report)
        self.assertEqual(report["outcomes"]["issued"], 30000)
        self.assertClean()

    def freeze_while_its_batch_waits(self, victim, partition):
        """With the table locked, the writer's batch waits, with the checkpoint row's lock; unlocked, the server commits it, and the frozen
        writer cannot tell anybody."""
        blocker = system.psql("BEGIN; LOCK TABLE coupon IN SHARE ROW EXCLUSIVE MODE;\n")
        try:
            wait_until("the writer waits for the table", lambda: int(system.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'openrun-issuer/%' "
                f"AND application_name LIKE '%/{partition}/%' AND wait_event_type = 'Lock'")[0][0]) > 0)
            system.freeze(victim)
        finally:
            blocker.communicate(b"ROLLBACK;\n", timeout=30)

    def test_a_frozen_writer_that_wakes_up_gives_nothing_twice(self):
        self.freeze_and_take_over(waiting=False)

    def test_a_writer_frozen_while_its_batch_waits_is_taken_over(self):
        self.freeze_and_take_over(waiting=True)


class RelayGuarantees(PipelineCase):
    def test_rows_that_the_issuer_never_published_are_published_within_five_seconds(self):
        campaign = system.create(1000)
        partition = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        system.create_topic_that_nobody_reads()
        # An owner that waits for long, so that it dies before it fills anything.
        for relay in ("relay-1", "relay-2"):
            system.stop(relay)
            system.start(relay, {"OPENRUN_RELAY__MISSING_AFTER_MS": "60000"})
        for issuer in ("issuer-1", "issuer-2"):
            system.stop(issuer)
            system.start(issuer, LOST_RESULTS)
        try:
            settled()
            owner = wait_until("a relay is responsible", lambda: relay_of(partition), 20)
            receipts = [system.receipt(campaign, f"user-{i}") for i in range(50)]
            wait_until("all committed", lambda: int(system.sql(
                f"SELECT issued FROM campaign WHERE id = {campaign}")[0][0]) == 50, 30)
            for issuer in ("issuer-1", "issuer-2"):
                system.kill(issuer)
            committed = system.next_offsets()[partition]
            self.assertNotEqual(records.missing_ranges(system, partition), [])
            began = time.time()
            system.kill(owner)
            wait_until("the results topic has every row", lambda: records.missing_ranges(system, partition) == [], 5)
            print(f"\n  every outbox row in the results topic {time.time() - began:.2f} s after the relay's SIGKILL")
            for receipt in receipts:
                self.assertEqual(system.status(receipt, wait=30).json["status"], "issued")
            self.assertEqual(system.next_offsets()[partition], committed)
        finally:
            for name in ("issuer-1", "issuer-2", "relay-1", "relay-2"):
                system.stop(name)
                system.start(name)


class RestockAfterLoss(PipelineCase):
    def test_a_gateway_that_missed_the_restock_sells_again_within_two_seconds(self):
        campaign = system.create(1)
        self.assertEqual(system.request(campaign, "first", wait=30).status, 201)
        wait_until("gateway-2 refuses", lambda: system.request(campaign, "second", gateway=2, wait=30).json.get("code") == "SOLD_OUT")
        system.create_topic_that_nobody_reads()
        try:
            for name in ("relay-1", "relay-2", "issuer-1", "issuer-2"):
                system.stop(name)
            for issuer in ("issuer-1", "issuer-2"):
                system.start(issuer, LOST_RESULTS)
            settled()
            # The results of the restock reach no gateway; the command's own answer is read from Postgres or stays open.
            system.call("POST", f"/v1/campaigns/{campaign}/stock", {"add": 5}, admin=True)
            wait_until("committed", lambda: system.sql(f"SELECT stock FROM campaign WHERE id = {campaign}") == [["6"]])
            began = time.time()
            accepted = wait_until("gateway-2 sells again", lambda: (a := system.request(campaign, "third", gateway=2)).status == 202 and a, 2)
            print(f"\n  a gateway without the results of the restock sold again after {time.time() - began:.2f} s")
        finally:
            for name in ("issuer-1", "issuer-2"):
                system.stop(name)
                system.start(name)
            system.start("relay-1")
            system.start("relay-2")
        self.assertEqual(system.status(accepted.json["receipt"], gateway=2, wait=30).json["status"], "issued")


class PostgresDown(PipelineCase):
    def test_ten_seconds_without_postgres_under_load(self):
        campaign = system.create(100000)
        other = system.create(100000)
        self.assertEqual(system.request(other, "known to the gateway", wait=30).status, 201)
        load = system.load("--campaign", campaign, "--users", 12000, "--rate", 600, "--connections", 400, "--mode", "short-poll",
                           "--retries", 5, *gateway_urls())
        self.addCleanup(load.abandon)
        wait_until("coupons flow", lambda: int(system.sql(f"SELECT issued FROM campaign WHERE id = {campaign}")[0][0]) > 100, 30)
        system.stop("postgres")
        try:
            # Of a campaign of its own, so that the verdict on the load's stays whole.
            down_until = time.time() + 10
            positions, refused = [], 0
            while time.time() < down_until:
                answer = system.request(other, f"outage-{len(positions)}-{refused}")
                if answer.status == 202:
                    positions.append(system.status(answer.json["receipt"]).json["position"])
                else:
                    refused += 1
                time.sleep(0.05)
        finally:
            system.start("postgres")
        report = load.finish(300)
        print(f"\n  Postgres down for 10 s: {len(positions)} accepted, {refused} refused; highest position shown {max(positions)}")
        self.assertEqual(refused, 0)
        self.assertGreater(max(positions), 0)
        self.assertExact(report)
        self.assertClean()


class KafkaDown(PipelineCase):
    def test_ten_seconds_without_kafka(self):
        campaign = system.create(1000)
        decided = system.receipt(campaign, "before", wait=30)
        system.stop("kafka")

        def ask(attempt):
            began = time.time()
            answer = system.request(campaign, f"outage-{attempt}", patience=0)
            return answer.status, answer.headers["Retry-After"], time.time() - began

        polls = []
        try:
            down_until = time.time() + 10
            with concurrent.futures.ThreadPoolExecutor(8) as users:
                attempts = []
                while time.time() < down_until:
                    attempts.append(users.submit(ask, len(attempts)))
                    polls.append(system.status(decided).json["status"])
                    time.sleep(0.05)
                asked = [attempt.result() for attempt in attempts]
            statuses = {status for status, _, _ in asked}
            self.assertTrue(all(int(retry_after) >= 1 for _, retry_after, _ in asked))
            self.assertFalse(system.ready(1))
        finally:
            system.start("kafka")
        began = time.time()
        wait_until("accepts again without a restart", lambda: system.request(campaign, "after", wait=30).status in (201, 409), 60)
        print(f"\n  Kafka down for 10 s: {len(asked)} requests answered {statuses}, {sum(s < 1 for _, _, s in asked)} of them within 1 s; "
              f"{len(polls)} polls answered; accepted again {time.time() - began:.2f} s after its start")
        self.assertEqual(statuses, {503})
        self.assertEqual(set(polls), {"issued"})
        wait_until("ready again", lambda: system.ready(1) and system.ready(2), 30)
        self.assertClean()


class GatewayRestarted(PipelineCase):
    def test_receipts_given_before_are_answered_decided_or_not(self):
        campaign = system.create(1000)
        partition = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        decided = system.receipt(campaign, "before", wait=30)
        put = lambda rate: system.call("PUT", "/v1/dispatch", {"per_second": rate, "partition": partition}, gateway=2, admin=True)
        put(1)
        try:
            wait_until("the issuer follows", lambda: system.metrics(owner_of(partition)).get(
                f'openrun_issuer_dispatch_per_second{{partition="{partition}"}}') == 1.0)
            waiting = [system.receipt(campaign, f"u{i}") for i in range(60)]
            system.kill("gateway-1")
            system.start("gateway-1")
            # Before it has read the results it knows no more than that both receipts are its own.
            wait_until("gateway-1 is ready", system.ready, 30)
            self.assertEqual(system.status(decided).json["status"], "issued")
            self.assertEqual(system.status(waiting[-1]).json["status"], "waiting")
        finally:
            put(0)
        self.assertEqual(system.status(waiting[-1], wait=30).json["status"], "issued")

    def test_outcomes_older_than_the_window_come_from_postgres(self):
        campaign = system.create(1)
        receipts = [system.receipt(campaign, "winner", wait=30)]
        # While it is paused the log decides; a gateway that knows it as sold out would refuse without a receipt.
        system.call("POST", f"/v1/campaigns/{campaign}/pause", admin=True)
        receipts.append(system.receipt(campaign, "loser", wait=30))
        before = [system.status(r).json for r in receipts]
        system.load("--create", 10, "--users", 6000, "--campaigns", 4, "--mode", "waited", "--url", system.url(2)).finish()
        system.stop("gateway-1")
        system.start("gateway-1", {"OPENRUN_GATEWAY__WINDOW_RECORDS": "1024", "OPENRUN_GATEWAY__WINDOW_AGE_S": "1"})
        try:
            wait_until("gateway-1 is ready", system.ready, 30)
            after = [system.status(r).json for r in receipts]
            self.assertEqual([a["status"] for a in after], ["issued", "rejected"])
            self.assertEqual(before, after)
        finally:
            system.stop("gateway-1")
            system.start("gateway-1")
            wait_until("gateway-1 is ready", system.ready, 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
