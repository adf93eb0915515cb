"""The log loses records behind the issuer's back. Each case has a system of its own, because nothing goes on after it."""

import os
import subprocess
import unittest

import foreign
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")


class LogLost(unittest.TestCase):
    def setUp(self):
        self.system = System(STATE, partitions=1)
        self.system.down()
        self.system.up()
        self.addCleanup(self.system.down)

    def assertStoppedByTheRunbook(self):
        def told():
            return any("docs/runbooks/log-lost.md" in str(line) for line in self.system.log_lines("issuer-1"))
        wait_until("the issuer names the runbook", told, 30)
        reason = 'openrun_issuer_stopped{partition="0",reason="LOG_LOST"}'
        wait_until("its metrics say so too", lambda: self.system.metrics("issuer-1").get(reason) == 1.0, 30)

    def recreate_requests(self):
        self.system.kafka_tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", "openrun.requests")

        def created():
            code, out, err = self.system.command("topics", "create")
            self.assertEqual(code, 0, out + err)
            # The broker may still name the old one for a moment.
            return "openrun.requests: created" in out
        wait_until("the topic is a new one", created, 30)

    def produce(self, value):
        path = self.system.state / "record.bin"
        path.write_bytes(value)
        subprocess.run(["kcat", "-P", "-b", self.system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", "0", str(path)],
                       stdin=subprocess.DEVNULL, check=True, timeout=30)

    def fill(self, requests):
        campaign = self.system.create(100)
        answers = [self.system.request(campaign, f"user-{i}", wait=30) for i in range(requests)]
        return campaign, [a.json for a in answers]

    def test_a_recreated_topic_stops_the_issuer_and_shows_nobody_a_strangers_coupon(self):
        system = self.system
        campaign, before = self.fill(6)
        system.stop("issuer-1")
        self.recreate_requests()
        system.dev("start", "issuer-1", check=False)
        self.assertStoppedByTheRunbook()
        # Strangers now stand at the offsets of the old receipts, in a system that was started anew without thinking. They come past the
        # gateway, which takes nobody's request while Postgres stands behind what was published.
        system.sql("UPDATE partition_checkpoint SET next_offset = 0; DELETE FROM outbox; DELETE FROM relay_progress")
        system.kill("issuer-1")
        system.dev("start", "issuer-1")
        for i in range(8):
            self.produce(foreign.request_record(campaign, f"stranger-{i}"))
        wait_until("they are decided", lambda: system.next_offsets()[0] == 8)
        wait_until("the gateway serves again", system.ready, 60)
        for old in before:
            answer = system.status(old["receipt"])
            shown = answer.json.get("coupon")
            self.assertTrue(shown is None or shown == old["coupon"], answer)

    def test_a_recreated_topic_under_a_running_issuer_stops_it(self):
        self.fill(6)
        self.recreate_requests()
        self.assertStoppedByTheRunbook()

    def test_a_truncated_log_stops_the_issuer(self):
        system = self.system
        campaign, _ = self.fill(3)
        system.stop("issuer-1")
        for i in range(5):
            self.assertEqual(system.request(campaign, f"late-{i}").status, 202)
        plan = system.state / "delete-records.json"
        end = system.next_offsets()[0] + 3
        plan.write_text('{"partitions":[{"topic":"openrun.requests","partition":0,"offset":%d}],"version":1}' % end)
        system.kafka_tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", plan)
        system.dev("start", "issuer-1", check=False)
        self.assertStoppedByTheRunbook()


if __name__ == "__main__":
    unittest.main(verbosity=2)
