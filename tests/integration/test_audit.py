"""openrun audit and audit --deep on real parts: clean on a full run, also under load, and what is planted is found by name."""

import json
import os
import subprocess
import unittest

from foreign import replay_record, request_record
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, partitions=2)
TABLES = ("campaign", "coupon", "campaign_command", "outbox", "dead_letter", "partition_checkpoint")
ids = {}


def produce(partition, key, value):
    """Straight into the requests topic, past the gateway; returns when it was decided."""
    path = system.state / "record.bin"
    path.write_bytes(value)
    before = system.next_offsets().get(partition, 0)
    subprocess.run(["kcat", "-P", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition),
                    "-k", str(key), str(path)], stdin=subprocess.DEVNULL, check=True, timeout=30)
    wait_until("the record is decided", lambda: system.next_offsets().get(partition, 0) > before, 60)


def newest(partition):
    """The value of the last record of a partition."""
    return subprocess.run(["kcat", "-C", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition),
                           "-o", "-1", "-c", "1", "-f", "%s"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=30).stdout


def setUpModule():
    system.down()
    system.up()
    post = lambda campaign, what, body=None: system.call("POST", f"/v1/campaigns/{campaign}/{what}", body, admin=True)
    small = ids["small"] = system.create(3)
    for user in ("kim", "lee", "park", "choi", "kim"):
        system.request(small, user, wait=30)
    post(small, "stock", {"add": 2})
    post(small, "pause")
    system.request(small, "jung", wait=30)
    post(small, "resume")
    system.request(small, "jung", wait=30)
    two = ids["two"] = system.create(10, policy={"max_per_user": 2, "valid_for_seconds": 3600, "code_format": "latin"})
    for key in ("a", "b", "c", "a"):
        system.call("POST", f"/v1/campaigns/{two}/requests", {"user_id": "kim"}, headers={"Prefer": "wait=30", "Idempotency-Key": key})
    report = system.load("--create", 300, "--users", 1000, "--connections", 32, "--campaigns", 2, "--url", system.url()).finish()
    ids["load"] = report["campaigns"][0]
    partition = ids["partition"] = int(system.sql(f"SELECT partition FROM campaign WHERE id = {two}")[0][0])
    produce(partition, two, b"\xff\xfe no record")
    produce(partition, two, b"\xff\xfe another")
    origin = int(system.sql(f'SELECT min("offset") FROM dead_letter WHERE partition = {partition}')[0][0])
    produce(partition, two, replay_record(origin, 1_764_000_000_000, request_record(two, "early")))
    produce(partition, two, replay_record(origin, 1_764_000_000_000, request_record(two, "again")))
    for _ in range(2):
        produce(partition, two, request_record(two, "late"))


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def relayed():
    """Everything that was committed is known to stand in the results topic."""
    rows = system.sql("SELECT count(*) FROM outbox LEFT JOIN relay_progress USING (partition) "
                      "WHERE first_offset >= coalesce(published_through, 0)")
    return rows == [["0"]]


def audit(*arguments):
    code, out, err = system.command("--json", "audit", *arguments)
    if not out.startswith("{"):
        raise AssertionError(f"openrun audit exited {code}: {out} {err}")
    return code, json.loads(out)


def names(report):
    return {finding["invariant"] for finding in report["findings"]}


class Clean(unittest.TestCase):
    def test_a_run_with_everything_in_it_is_clean(self):
        wait_until("all is relayed", relayed, 120)
        report = system.deep_audit("--report", str(system.state / "audit.json"))
        self.assertEqual((report["clean"], report["not_checked"]), (True, []))
        self.assertEqual(sum(one["coupons"] for one in report["log"]), report["coupons"])
        self.assertEqual(sum(one["dead_letters"] for one in report["log"]), 2)
        self.assertEqual(json.loads((system.state / "audit.json").read_text())["coupons"], report["coupons"])
        code, out, _ = system.command("audit", "--deep", "--digests")
        self.assertEqual(code, 0, out)
        self.assertIn(f"digest of campaign {ids['small']} (open, 4 coupons): ", out)

    def test_the_result_is_kept_for_the_page_unless_it_shall_not_or_cannot_be(self):
        def kept():
            audits = system.call("GET", "/v1/operations", admin=True).json["audits"]
            return audits and audits["audit"] and audits["audit"]["by"]

        self.assertEqual(system.command("audit", "--by", "ann")[0], 0)
        wait_until("the page knows of it", lambda: kept() == "ann")
        self.assertEqual(system.command("audit", "--by", "bob", "--no-record")[0], 0)
        standby = system.environment["OPENRUN_DATABASE_URL"]
        standby += ("&" if "?" in standby else "?") + "options=-c%20default_transaction_read_only%3Don"
        code, out, err = system.command("audit", "--by", "cay", environment={"OPENRUN_POSTGRES__URL": standby})
        self.assertEqual((code, out.splitlines()[-1].split(":")[0]), (0, "clean"), out + err)
        self.assertIn("the operators' page will not show this audit", err)
        self.assertEqual(system.command("audit", "--by", "dan")[0], 0)
        wait_until("the page knows of it", lambda: kept() == "dan")
        self.assertEqual(system.sql("SELECT done_by FROM audit_result WHERE kind = 'audit' ORDER BY id DESC LIMIT 2"), [["dan"], ["ann"]])

    def test_it_is_clean_while_a_load_runs(self):
        load = system.load("--create", 100000, "--users", 20000, "--connections", 32, "--url", system.url())
        try:
            wait_until("coupons flow", lambda: int(system.sql("SELECT max(issued) FROM campaign")[0][0]) > 1000, 30)
            for _ in range(3):
                self.assertTrue(system.deep_audit()["clean"])
        finally:
            load.finish()


class Copied(unittest.TestCase):
    def test_a_record_that_stands_in_the_log_twice_is_one_request(self):
        campaign = system.create(1)
        answer = system.request(campaign, "kim", wait=30)
        self.assertEqual(answer.status, 201)
        partition = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        record = newest(partition)
        produce(partition, campaign, record)
        produce(partition, campaign, request_record(campaign, "kim"))
        system.kill("issuer-1")
        system.start("issuer-1")
        produce(partition, campaign, record)
        code, out, err = system.command("--json", "why", "--campaign", campaign, "--user", "kim")
        self.assertEqual(code, 0, err)
        told = [(one["outcome"], one["coupon"]["sequence"]) for one in json.loads(out)["entries"]]
        self.assertEqual(told, [("ISSUED", 1), ("ISSUED", 1), ("ALREADY_ISSUED", 1), ("ISSUED", 1)])
        self.assertIn("the same request had come before", system.command("why", "--campaign", campaign, "--user", "kim")[1])
        wait_until("all is relayed", relayed, 120)
        self.assertEqual(system.deep_audit()["clean"], True)


class Planted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        wait_until("all is relayed", relayed, 120)
        for table in TABLES:
            system.sql(f"CREATE TABLE kept_{table} AS TABLE {table}")

    @classmethod
    def tearDownClass(cls):
        for table in TABLES:
            system.sql(f"DROP TABLE kept_{table}")

    def undo(self):
        restore = "".join(f"TRUNCATE {t}; INSERT INTO {t} {'OVERRIDING SYSTEM VALUE ' if t == 'dead_letter' else ''}TABLE kept_{t}; "
                          for t in TABLES)
        system.sql(f"BEGIN; {restore} COMMIT")

    def assertFound(self, sql, shallow, deep):
        """Which names each form finds; an empty `shallow` says that only --deep sees it."""
        system.sql(sql)
        try:
            code, report = audit()
            self.assertEqual(names(report), set(shallow), report)
            self.assertEqual(code, 1 if shallow else 0)
            code, report = audit("--deep")
            self.assertEqual(names(report), set(shallow) | set(deep), report)
            self.assertEqual(code, 1)
        finally:
            self.undo()

    refit = "UPDATE campaign SET digest = coupon_chain(id) WHERE id = {0}; "
    edited_digest = ("campaign_digest_as_decided", "campaign_digest_as_published")

    def test_a_deleted_coupon(self):
        self.assertFound(f"DELETE FROM coupon WHERE campaign_id = {ids['small']} AND sequence = 2",
                         {"issued_is_coupons", "sequences_without_gap", "campaign_digest_is_its_coupons"}, {"coupon_is_stored"})

    def test_the_last_coupon_deleted_with_counter_and_digest_lowered_to_fit(self):
        campaign = ids["small"]
        self.assertFound(f"DELETE FROM coupon WHERE campaign_id = {campaign} AND sequence = 4; "
                         f"UPDATE campaign SET issued = 3 WHERE id = {campaign}; " + self.refit.format(campaign),
                         set(), {"coupon_is_stored", "campaign_issued_as_decided", *self.edited_digest})

    def test_a_changed_user(self):
        change = f"UPDATE coupon SET user_id = 'thief' WHERE campaign_id = {ids['small']} AND sequence = 1; "
        self.assertFound(change, {"campaign_digest_is_its_coupons"}, {"coupon_user_as_decided"})
        self.assertFound(change + self.refit.format(ids["small"]), set(), {"coupon_user_as_decided", *self.edited_digest})

    def test_a_swapped_pair_of_users(self):
        campaign = ids["small"]
        self.assertFound(
            f"UPDATE coupon SET user_id = user_id || '!' WHERE campaign_id = {campaign} AND sequence IN (1, 2); "
            f"UPDATE coupon SET user_id = CASE sequence WHEN 1 THEN 'lee' ELSE 'kim' END WHERE campaign_id = {campaign} AND sequence IN (1, 2); "
            + self.refit.format(campaign), set(), {"coupon_user_as_decided", *self.edited_digest})

    def test_a_forged_extra_coupon_with_counter_and_digest_raised(self):
        campaign = ids["two"]
        self.assertFound(
            f"INSERT INTO coupon SELECT campaign_id, sequence + 1, 'thief', 'x', code, 'UNUSED', issued_at, valid_until, NULL, NULL, "
            f"request_partition, request_offset + 1 FROM coupon WHERE campaign_id = {campaign} ORDER BY sequence DESC LIMIT 1; "
            f"UPDATE campaign SET issued = issued + 1 WHERE id = {campaign}; " + self.refit.format(campaign),
            {"code_names_its_row"}, {"coupon_was_decided", "campaign_issued_as_decided", *self.edited_digest})

    def test_wrong_counters(self):
        self.assertFound(f"UPDATE campaign SET issued = issued + 1 WHERE id = {ids['two']}", {"issued_is_coupons"},
                         {"campaign_issued_as_decided"})
        self.assertFound(f"UPDATE campaign SET stock = stock + 1 WHERE id = {ids['load']}", set(), {"campaign_stock_as_decided"})

    def test_a_changed_time(self):
        change = f"UPDATE coupon SET issued_at = issued_at + interval '1 ms' WHERE campaign_id = {ids['small']} AND sequence = 3; "
        self.assertFound(change + self.refit.format(ids["small"]), set(), {"coupon_issued_at_as_decided", *self.edited_digest})

    def test_an_altered_outbox_row(self):
        # The last byte is of a digest or of a number; any byte will do.
        self.assertFound("UPDATE outbox SET payload = set_byte(payload, length(payload) - 1, get_byte(payload, length(payload) - 1) # 1) "
                         f"WHERE (partition, first_offset) IN (SELECT partition, min(first_offset) FROM outbox WHERE partition = {ids['partition']} GROUP BY partition)",
                         set(), {"outbox_as_decided", "results_as_outbox"})

    def test_a_dead_letter_removed(self):
        self.assertFound("DELETE FROM dead_letter WHERE final_offset IS NULL", set(), {"dead_letter_is_stored"})

    def test_a_dead_letter_that_was_made_to_look_unresolved(self):
        self.assertFound("UPDATE dead_letter SET final_offset = NULL, final_partition = NULL", set(), {"dead_letter_final_as_decided"})

    def test_a_forgotten_command(self):
        self.assertFound(f"DELETE FROM campaign_command WHERE campaign_id = {ids['small']}", set(), {"command_is_stored"})


class ZRetention(unittest.TestCase):
    """Last, because it takes records away."""

    def test_what_the_log_no_longer_holds_is_named_and_a_saved_state_makes_up_for_it(self):
        campaign = ids["two"]
        wait_until("all is relayed", relayed, 120)
        states = str(system.state / "audit.states")
        system.deep_audit("--save-snapshot", states)
        ends = system.next_offsets()
        plan = system.state / "delete-records.json"
        plan.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": "openrun.requests", "partition": p, "offset": end - 1} for p, end in ends.items()]}))
        system.kafka_tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", plan)
        system.call("POST", f"/v1/campaigns/{campaign}/requests", {"user_id": "new"},
                    headers={"Prefer": "wait=30", "Idempotency-Key": "new"})
        report = system.deep_audit()
        self.assertEqual({one["partition"] for one in report["not_checked"]}, set(ends))
        self.assertTrue(all("0 to" in one["text"] for one in report["not_checked"]), report["not_checked"])
        self.assertEqual(system.deep_audit("--snapshot", states)["not_checked"], [])
        # Whoever changes an old row is found by the saved state; without it, by the digest in the results topic.
        system.sql(f"CREATE TABLE kept AS TABLE coupon; UPDATE coupon SET user_id = 'thief' WHERE campaign_id = {campaign} AND sequence = 1; "
                   f"UPDATE campaign SET digest = coupon_chain(id) WHERE id = {campaign}")
        try:
            self.assertEqual(names(audit()[1]), set())
            self.assertIn("campaign_digest_as_published", names(audit("--deep")[1]))
            self.assertIn("coupon_was_decided", names(audit("--deep", "--snapshot", states)[1]))
        finally:
            system.sql(f"BEGIN; TRUNCATE coupon; INSERT INTO coupon TABLE kept; DROP TABLE kept; "
                       f"UPDATE campaign SET digest = coupon_chain(id) WHERE id = {campaign}; COMMIT")
        self.assertTrue(system.deep_audit("--snapshot", states)["clean"])
        with open(states, "r+b") as file:
            file.seek(100)
            file.write(b"?")
        code, _, err = system.command("audit", "--deep", "--snapshot", states)
        self.assertNotEqual(code, 0)
        self.assertIn("was changed", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
