"""The trace that a call names goes with it: into the record of the log, the outbox, and every line that a daemon writes about it."""

import json
import os
import unittest

from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=2, partitions=2)


def setUpModule():
    system.down()
    system.up({"OPENRUN_LOG__LEVEL": "debug"})


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def a_trace(number):
    return f"{number:032x}"


def traceparent(trace):
    return f"00-{trace}-00f067aa0ba902b7-01"


def lines(daemon, trace):
    return [line for line in system.log_lines(daemon) if line.get("trace_id") == trace]


def messages(daemon, trace):
    return [line["message"] for line in lines(daemon, trace)]


class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.campaign = system.create(stock=100)

    def ask(self, trace, user, path=None, body=None, headers=None):
        return system.call("POST", path or f"/v1/campaigns/{self.campaign}/requests", body or {"user_id": user},
                           headers={"traceparent": traceparent(trace), **(headers or {})})

    def expect_decided(self, trace, outcome="ISSUED"):
        wait_until("the other gateway knows the outcome", lambda: lines("gateway-2", trace))
        # The issuer tells the gateways first, and its log after that.
        (decided,) = wait_until("the issuer has told it", lambda: lines("issuer-1", trace))
        self.assertEqual((decided["message"], decided["outcome"], decided["campaign"]),
                         ("request decided and committed", outcome, self.campaign))
        for known in lines("gateway-2", trace):  # the relay publishes again what it cannot tell that the issuer has published
            self.assertEqual([known[field] for field in ("partition", "offset", "outcome")],
                             [decided[field] for field in ("partition", "offset", "outcome")])
        return decided

    def test_a_call_is_followed_through_every_daemon(self):
        trace = a_trace(0xA1)
        answer = self.ask(trace, "followed-user", headers={"Prefer": "wait=30"})
        self.assertEqual(answer.status, 201, answer)
        decided = self.expect_decided(trace)
        known = "outcome is known here"  # perhaps more than once, as in expect_decided()
        wait_until("the gateway has told all", lambda: len(set(messages("gateway-1", trace))) == 3)
        self.assertIn(known, messages("gateway-1", trace))
        self.assertEqual(sorted(message for message in messages("gateway-1", trace) if message != known),
                         ["request answered with its outcome", "request stands in the log"])
        payload = bytes.fromhex(system.sql(
            "SELECT encode(payload, 'hex') FROM outbox WHERE partition = {} AND {} BETWEEN first_offset AND last_offset".format(
                decided["partition"], decided["offset"]))[0][0])
        self.assertIn(bytes.fromhex(trace), payload)

    def test_the_dialects_and_the_waiting_room_carry_it_too(self):
        connect, gate = a_trace(0xB1), a_trace(0xB2)
        answer = self.ask(connect, None, "/coupon.v1.CouponService/IssueCoupon", {"campaignId": self.campaign, "userId": 77})
        self.assertEqual(answer.status, 200, answer)
        answer = self.ask(gate, None, f"/gate/events/{self.campaign}/enqueue?userId=88", {})
        self.assertEqual(answer.status, 200, answer)
        self.expect_decided(connect)
        self.expect_decided(gate)

    def test_a_command_carries_it(self):
        trace = a_trace(0xC1)
        answer = system.call("POST", f"/v1/campaigns/{self.campaign}/stock", {"add": 1}, admin=True,
                             headers={"traceparent": traceparent(trace)})
        self.assertEqual(answer.status, 200, answer)
        self.expect_decided(trace, "APPLIED")

    def test_a_dead_letter_keeps_it_and_its_replay_has_it_again(self):
        trace = a_trace(0xD1)
        with system.refusing_poison():
            receipt = self.ask(trace, "poison-traced").json["receipt"]
            wait_until("it is a dead letter", lambda: system.status(receipt).json["status"] == "failed")
        wait_until("the issuer has told it", lambda: "a record became a dead letter" in messages("issuer-1", trace))
        wait_until("the relay has exported it", lambda: "dead letter exported" in messages("relay-1", trace))
        ((headers,),) = system.sql(
            "SELECT string_agg(convert_from(header, 'UTF8'), ' ') FROM dead_letter, unnest(headers) AS header WHERE reason = 'STORE_REFUSED'")
        self.assertIn(traceparent(trace), headers)
        code, out, err = system.command("--json", "dlq", "replay", "--reason", "STORE_REFUSED", "--execute")
        self.assertEqual(code, 0, out + err)
        wait_until("it is issued", lambda: system.status(receipt).json["status"] == "issued")
        wait_until("the issuer has told it again", lambda: len(lines("issuer-1", trace)) >= 3)
        self.assertEqual([line["outcome"] for line in lines("issuer-1", trace) if "outcome" in line],
                         ["DEAD_LETTERED", "ISSUED"])

    def test_what_is_no_trace_is_ignored_and_users_are_never_named(self):
        answer = system.call("POST", f"/v1/campaigns/{self.campaign}/requests", {"user_id": "unnamed-user"},
                             headers={"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "Prefer": "wait=30"})
        self.assertEqual(answer.status, 201, answer)
        for daemon in ("gateway-1", "gateway-2", "issuer-1", "relay-1", "reconciler-1"):
            for line in system.log_lines(daemon):
                self.assertNotIn("-user", json.dumps(line))
                self.assertNotIn("poison-traced", json.dumps(line))


if __name__ == "__main__":
    unittest.main()
