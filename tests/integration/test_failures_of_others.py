"""Failures that others had in production, as regression tests of ours, on real Kafka and Postgres.

Each class names where the failure was reported.
"""

import concurrent.futures
import os
import subprocess
import threading
import time
import unittest

from system import System, wait_until, wrong_checks

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=2, partitions=2)
COUNTER = "openrun_acknowledged_not_issued_total"


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def holders(campaign):
    return {user for (user,) in system.sql(f"SELECT user_id FROM coupon WHERE campaign_id = {campaign}")}


def readiness(name):
    return system.call("GET", "/readyz", daemon=name, timeout=5)


def owned_by_issuer_1():
    values = system.metrics("issuer-1")
    return sum(values.get(f'openrun_issuer_owned{{partition="{partition}"}}', 0) for partition in range(2))


def at_once(campaign, users):
    """All users ask in the same moment, through both gateways, and wait for their answer."""
    gate = threading.Barrier(len(users))

    def one(number, user):
        gate.wait(20)
        return user, system.request(campaign, user, gateway=1 + number % 2, wait=30)
    with concurrent.futures.ThreadPoolExecutor(len(users)) as pool:
        return [job.result() for job in [pool.submit(one, i, user) for i, user in enumerate(users)]]


class Litemall581(unittest.TestCase):
    """linlinjava/litemall issue 581: stock 1, 64 concurrent users, 9 coupons."""

    def test_stock_one_and_64_concurrent_users_is_one_coupon_every_time(self):
        campaigns = [system.create(1) for _ in range(20)]
        for campaign in campaigns:
            answers = at_once(campaign, [f"user-{i}" for i in range(64)])
            winners = [user for user, answer in answers if answer.status == 201]
            self.assertEqual(len(winners), 1, answers)
            self.assertEqual({answer.json.get("code") for user, answer in answers if user not in winners}, {"SOLD_OUT"}, answers)
            self.assertEqual(holders(campaign), set(winners))


class Eventyay1398(unittest.TestCase):
    """fossasia/eventyay issue 1398: stock 3, 5 sold."""

    def test_stock_three_is_three_coupons_with_restarts_between(self):
        campaign = system.create(3, gateway=2)
        for name in ("issuer-1", "postgres"):
            # In the log, decided or not, when the process dies.
            receipt = system.receipt(campaign, f"before {name} dies", gateway=2)
            system.kill(name)
            system.start(name)
            wait_until("decided", lambda r=receipt: system.status(r, gateway=2, wait=5).json.get("status") == "issued", 30)
        system.kill("gateway-1")
        system.start("gateway-1")
        for gateway in (1, 2):
            wait_until("the gateway is ready", lambda g=gateway: system.ready(g), 30)
        answers = [answer for _, answer in at_once(campaign, [f"user-{i}" for i in range(32)])]
        self.assertEqual(sorted({answer.status for answer in answers}), [201, 409], answers)
        self.assertEqual(sum(answer.status == 201 for answer in answers), 1, answers)
        self.assertEqual(len(holders(campaign)), 3)
        self.assertEqual(system.campaign(campaign, gateway=2)["remaining"], 0)
        system.audit()


class Stranger:
    """A client in the issuers' group that assigns by another protocol: while it is there, the group never answers an issuer."""

    def __init__(self):
        self.process = None
        self.reader = None
        self.assigned = threading.Event()

    def holds(self):
        """Joins where it is not in yet: it is refused as long as an issuer that has stopped counts as a member."""
        if self.process is None or self.process.poll() is not None:
            self.close()
            self.process = subprocess.Popen(
                ["kcat", "-b", system.environment["OPENRUN_KAFKA"], "-G", "openrun-issuers", "-X", "partition.assignment.strategy=roundrobin",
                 "-X", "session.timeout.ms=6000", "openrun.requests"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
            self.reader.start()
        return self.assigned.wait(0.5)

    def _read(self, lines):
        for line in lines:
            if b"rebalanced" in line and b"assigned" in line:
                self.assigned.set()

    def close(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(10)
        self.reader.join(10)
        self.process.stderr.close()


class Posthog65809(unittest.TestCase):
    """PostHog/posthog pull 65809: a consumer that was Ready and consumed nothing."""

    def setUp(self):
        wait_until("the issuer is ready", lambda: readiness("issuer-1").status == 200, 30)
        wait_until("it holds both partitions", lambda: owned_by_issuer_1() == 2, 30)

    def assertReconcilerSeesThatNobodyDecides(self):
        for partition in range(2):
            gauge = f'openrun_undecided_seconds{{partition="{partition}"}}'
            wait_until("the reconciler sees it", lambda g=gauge: system.metrics("reconciler-1").get(g, 0) > 1, 60)

    def assertDecided(self, receipts):
        for receipt in receipts:
            wait_until("decided", lambda r=receipt: system.status(r, gateway=2, wait=5).json.get("status") == "issued", 40)
        for partition in range(2):
            gauge = f'openrun_undecided_seconds{{partition="{partition}"}}'
            wait_until("all moves again", lambda g=gauge: system.metrics("reconciler-1")[g] == 0, 60)
        wait_until("the issuer is ready", lambda: readiness("issuer-1").status == 200, 30)

    def test_an_issuer_whose_group_assigns_nothing_is_not_ready_and_the_reconciler_sees_that_nobody_decides(self):
        campaigns = [system.create(10) for _ in range(2)]
        system.stop("issuer-1")
        stranger = Stranger()
        try:
            wait_until("the stranger holds the partitions", stranger.holds, 30)
            system.start("issuer-1")
            began = time.monotonic()
            receipts = [system.receipt(campaign, "user", gateway=2) for campaign in campaigns]
            answer = wait_until("the issuer says why", lambda: (a := readiness("issuer-1")).status == 503 and "group" in a.body and a, 60)
            said = time.monotonic() - began
            self.assertIn("the consumer group has not said for", answer.json["detail"])
            self.assertReconcilerSeesThatNobodyDecides()
            self.assertEqual(readiness("issuer-1").status, 503)
            self.assertEqual({system.status(receipt).json["status"] for receipt in receipts}, {"waiting"})
        finally:
            stranger.close()
        began = time.monotonic()
        self.assertDecided(receipts)
        print(f"\n  not ready {said:.1f} s after its start, and never before; decided {time.monotonic() - began:.1f} s after the stranger had left")

    def test_an_issuer_that_holds_its_partitions_and_gets_nowhere_is_steadily_not_ready(self):
        campaigns = [system.create(10) for _ in range(2)]
        # Nothing fails but its commits wait, as for an ALTER TABLE that itself waits.
        blocker = system.psql("BEGIN; LOCK TABLE coupon IN SHARE ROW EXCLUSIVE MODE; SELECT 'locked';\n")
        try:
            self.assertEqual(blocker.stdout.readline(), b"locked\n")
            began = time.monotonic()
            receipts = [system.receipt(campaign, "user", gateway=2) for campaign in campaigns]
            for partition in range(2):
                gauge = f'openrun_issuer_no_progress_seconds{{partition="{partition}"}}'
                wait_until("its gauge rises", lambda g=gauge: system.metrics("issuer-1").get(g, 0) > 10, 60)
            said = time.monotonic() - began
            # Between two attempts it is busy and means well; that no longer counts.
            answers = [readiness("issuer-1") for _ in range(20)]
            self.assertEqual({answer.status for answer in answers}, {503})
            self.assertReconcilerSeesThatNobodyDecides()
            for what, member, text in (("it is told", "message", "nothing is decided though records may wait"), ("the cause is named", "detail", "lock timeout")):
                wait_until(what, lambda m=member, t=text: any(t in line.get(m, "") for line in system.log_lines("issuer-1")))
        finally:
            blocker.communicate(b"ROLLBACK;\n", timeout=30)
        self.assertDecided(receipts)
        print(f"\n  steadily not ready after {said:.1f} s: {answers[-1].json['detail']}")

    def test_a_frozen_issuer_answers_no_probe_and_the_reconciler_sees_that_nobody_decides(self):
        campaigns = [system.create(10) for _ in range(2)]
        system.freeze("issuer-1")
        try:
            began = time.monotonic()
            receipts = [system.receipt(campaign, "user", gateway=2) for campaign in campaigns]
            with self.assertRaises(TimeoutError):
                system.call("GET", "/readyz", daemon="issuer-1", timeout=1)
            self.assertReconcilerSeesThatNobodyDecides()
            seen = time.monotonic() - began
        finally:
            system.thaw("issuer-1")
        began = time.monotonic()
        self.assertDecided(receipts)
        print(f"\n  seen {seen:.1f} s after it froze; all is well {time.monotonic() - began:.1f} s after it woke")


class SuccessesThatWereNeverIssued(unittest.TestCase):
    """A large shop told 0.014 % of its winners of coupons that were never issued. Here that is counted, and always 0."""

    def assertAllCheckedAndNoneMissing(self, at_least):
        def checked():
            values = system.metrics("reconciler-1")
            behind = [value for key, value in values.items() if key.startswith("openrun_acknowledged_behind_records")]
            return len(behind) == 2 and not any(behind) and values["openrun_acknowledged_checked_total"] >= at_least
        wait_until(f"the reconciler has looked for all {at_least}", checked, 30)
        self.assertEqual(system.metrics("reconciler-1")[COUNTER], 0)

    def test_every_coupon_that_was_told_stands_in_postgres_whatever_is_killed(self):
        campaign = system.create(20000, gateway=2)
        checked = system.metrics("reconciler-1")["openrun_acknowledged_checked_total"]
        # Through both gateways; who is told of a coupon remembers it, and asks again at the end.
        load = system.load("--campaign", campaign, "--users", 6000, "--rate", 600, "--connections", 200, "--mode", "poll", "--retries", 30,
                           "--reread", "--url", system.url(1), "--url", system.url(2))
        self.addCleanup(load.abandon)
        killed = ("issuer-1", "relay-1", "gateway-1", "postgres", "kafka")
        for name in killed:
            before = int(system.campaign(campaign, gateway=2)["issued"])
            wait_until("coupons flow", lambda n=before: int(system.campaign(campaign, gateway=2)["issued"]) > n, 40)
            system.kill(name)
            system.start(name)
        report = load.finish(120)
        self.assertEqual(wrong_checks(report), [], report)
        self.assertEqual(report["undecided"], 0, report)
        # Who was answered 503 though the log had his request, or lost his connection, learns it from the next one.
        self.assertEqual(report["outcomes"]["issued"] + report["outcomes"].get("ALREADY_ISSUED", 0), 6000, report)
        self.assertAllCheckedAndNoneMissing(checked + 6000)
        system.kill("reconciler-1")
        system.start("reconciler-1")
        # After a start everything of the look-back is checked again.
        self.assertAllCheckedAndNoneMissing(6000)
        system.audit()
        print(f"\n  6000 coupons were told of while {', '.join(killed)} were killed; each was looked for twice, 0 were missing")

    def test_a_row_that_is_gone_is_counted_and_named(self):
        campaign = system.create(300)
        system.stop("reconciler-1")
        answers = at_once(campaign, [f"user-{i}" for i in range(20)])
        self.assertEqual({answer.status for _, answer in answers}, {201})
        system.sql(f"CREATE TABLE kept AS SELECT * FROM coupon WHERE campaign_id = {campaign} AND sequence = 7")
        system.sql(f"DELETE FROM coupon WHERE campaign_id = {campaign} AND sequence = 7")
        try:
            system.start("reconciler-1")
            wait_until("the counter rises", lambda: system.metrics("reconciler-1").get(COUNTER) == 1, 60)
            lines = wait_until("its log names it", lambda: [
                line for line in system.log_lines("reconciler-1") if line.get("message") == "a coupon that was acknowledged is not in the store"])
            self.assertEqual([(line["level"], line["campaign"], line["sequence"]) for line in lines], [("error", campaign, 7)])
            self.assertEqual(lines[0]["runbook"], "docs/runbooks/drift.md")
        finally:
            system.sql("INSERT INTO coupon SELECT * FROM kept; DROP TABLE kept")
            system.stop("reconciler-1")
            system.start("reconciler-1")
        self.assertAllCheckedAndNoneMissing(20)
        system.audit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
