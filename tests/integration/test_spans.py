"""Spans from the click to the coupon, as a receiver of OTLP sees them: one tree over all daemons, and nobody waits for the receiver."""

import json
import os
import threading
import unittest

from receivers import Receiver, tree
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=1, partitions=2)
receiver = None

SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL = 2, 3, 4, 5, 1
CALLER = "00f067aa0ba902b7"
# The spans of a request that waits for its outcome.
WAITED = {"submit", "append", "decide", "commit", "publish", "answer"}


def restart(name, environment=None):
    """What `up` was given holds for ever; all else is new with each start."""
    system.stop(name)
    system.start(name, {"OPENRUN_TRACES__SAMPLE_RATIO": "0", **(environment or {})})
    wait_until(f"{name} is ready", lambda: system.call("GET", "/readyz", daemon=name, timeout=5).status == 200)


def setUpModule():
    global receiver
    receiver = Receiver()
    system.down()
    system.up({"OPENRUN_TRACES__ENDPOINT": f"http://127.0.0.1:{receiver.port}"})
    restart("gateway-1")


def tearDownModule():
    receiver.close()
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def sampled(number):
    trace = f"{number:032x}"
    return trace, {"traceparent": f"00-{trace}-{CALLER}-01"}


def spans_counted(name):
    values = system.metrics(name)
    return {fate: values.get(f'openrun_spans_total{{fate="{fate}"}}', 0) for fate in ("added", "sent", "dropped")}


class Spans(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.campaign = system.create(stock=1000)

    def ask(self, user, headers):
        return system.call("POST", f"/v1/campaigns/{self.campaign}/requests", {"user_id": user}, headers=headers)

    def wait_for_trace(self, trace, names):
        def complete():
            spans = list(receiver.trace(trace).values())
            return spans if {span.name for span in spans} >= names else None

        spans = receiver.wait_for(f"spans {sorted(names)} of {trace}", complete)
        by_name = {span.name: span for span in spans}
        self.assertEqual(len(by_name), len(spans), "each once: " + str(sorted(span.name for span in spans)))
        return by_name

    def expect_common(self, spans):
        submit, append, decide, commit, publish = (
            spans[name] for name in ("submit", "append", "decide", "commit", "publish"))
        self.assertEqual([submit.parent, append.parent, decide.parent, commit.parent, publish.parent],
                         [CALLER, submit.id, append.id, decide.id, decide.id])
        self.assertEqual([span.kind for span in (submit, append, decide, commit, publish)],
                         [SERVER, PRODUCER, CONSUMER, CLIENT, PRODUCER])
        self.assertEqual([span.resource["service.name"] for span in (submit, append, decide, commit, publish)],
                         ["openrun-gateway", "openrun-gateway", "openrun-issuer", "openrun-issuer", "openrun-issuer"])
        for span in spans.values():
            self.assertLessEqual(span.begin, span.end)
            self.assertFalse(span.is_error)
            self.assertTrue(span.resource["host.name"])
            self.assertTrue(span.resource["service.version"])
        # The clocks of the processes are one here, and each reads it in microseconds.
        order = [submit.begin, append.begin, decide.begin, commit.begin, commit.end, publish.begin, publish.end]
        self.assertEqual(order, sorted(order), "the order of times")
        self.assertLessEqual(append.end, submit.end + 100_000)
        self.assertEqual(decide.attributes["openrun.outcome"], "ISSUED")
        self.assertEqual(int(decide.attributes["openrun.campaign"]), self.campaign)
        self.assertGreaterEqual(int(decide.attributes["openrun.batch_size"]), 1)
        for span in (decide, commit, publish):
            self.assertEqual([span.attributes[name] for name in ("openrun.partition", "openrun.offset")],
                             [append.attributes[name] for name in ("openrun.partition", "openrun.offset")])
        return submit, decide

    def test_a_waited_request_is_one_tree_from_click_to_coupon(self):
        trace, headers = sampled(0xA1)
        answer = self.ask("spanned-user", {**headers, "Prefer": "wait=30"})
        self.assertEqual(answer.status, 201, answer)
        spans = self.wait_for_trace(trace, WAITED)
        submit, decide = self.expect_common(spans)
        self.assertEqual(spans["answer"].parent, decide.id)
        self.assertEqual(spans["answer"].kind, INTERNAL)
        self.assertEqual(submit.attributes["openrun.result"], "decided")
        self.assertGreaterEqual(submit.end, decide.end)
        print("\nA waited request, as the receiver saw it:\n" + tree(list(spans.values())))

    def test_a_submit_and_its_polls_are_one_tree_too(self):
        trace, headers = sampled(0xB1)
        answer = self.ask("polling-user", headers)
        self.assertEqual(answer.status, 202, answer)
        wait_until("it is issued", lambda: system.status(answer.json["receipt"]).json["status"] == "issued")
        system.status(answer.json["receipt"])
        spans = self.wait_for_trace(trace, {"submit", "append", "decide", "commit", "publish", "poll"})
        submit, decide = self.expect_common(spans)
        self.assertEqual(spans["poll"].parent, decide.id)
        self.assertEqual(spans["poll"].kind, SERVER)
        self.assertEqual(submit.attributes["openrun.result"], "waiting")
        print("\nA submit and the poll that got its outcome, as the receiver saw them:\n" + tree(list(spans.values())))

    def test_what_the_issuer_did_not_publish_hangs_there_by_the_relay(self):
        system.create_topic_that_nobody_reads()
        restart("issuer-1", {"OPENRUN_KAFKA__RESULTS_TOPIC": "nobody-reads-this"})
        try:
            trace, headers = sampled(0xC1)
            answer = self.ask("filled-user", {**headers, "Prefer": "wait=30"})
            self.assertEqual(answer.status, 201, answer)
            spans = self.wait_for_trace(trace, {"submit", "append", "decide", "commit", "publish", "fill", "answer"})
        finally:
            restart("issuer-1")
        self.assertEqual((spans["fill"].parent, spans["fill"].resource["service.name"]), (spans["decide"].id, "openrun-relay"))
        self.assertGreaterEqual(spans["fill"].begin, spans["commit"].end)
        print("\nThe same where the relay had to publish:\n" + tree(list(spans.values())))

    def test_nobody_is_sampled_by_a_ratio_of_zero_and_a_caller_may_say_no(self):
        before = spans_counted("gateway-1")["added"]
        trace = f"{0xD1:032x}"
        for headers in ({}, {"traceparent": f"00-{trace}-{CALLER}-00"}):
            answer = self.ask(f"plain-user-{len(headers)}", {**headers, "Prefer": "wait=30"})
            self.assertEqual(answer.status, 201, answer)
        self.assertEqual(spans_counted("gateway-1")["added"], before)
        self.assertEqual(receiver.trace(trace), {})

    def test_by_a_ratio_of_one_everybody_is(self):
        known = {span.trace for span in receiver.spans()}
        restart("gateway-1", {"OPENRUN_TRACES__SAMPLE_RATIO": "1"})
        try:
            answers = [self.ask(f"every-user-{i}", {"Prefer": "wait=30"}) for i in range(10)]
            self.assertEqual({answer.status for answer in answers}, {201})

            def whole():
                found = {}
                for span in receiver.spans():
                    if span.trace not in known:
                        found.setdefault(span.trace, {})[span.name] = span
                # The relay may have published one again, which is a seventh span.
                return [spans for spans in found.values() if spans.keys() >= WAITED][9:] and list(found.values())

            traces = receiver.wait_for("ten whole traces", whole)
        finally:
            restart("gateway-1")
        self.assertEqual(len(traces), 10)
        for spans in traces:
            self.assertEqual(spans["submit"].parent, "", "the trace begins here")
            self.assertEqual(spans["decide"].parent, spans["append"].id)

    def test_nobody_waits_for_a_receiver_that_is_slow(self):
        let_go = threading.Event()

        def hold(path):
            let_go.wait(60)
            return 200, {}

        receiver.answer = hold
        try:
            trace, headers = sampled(0xE1)
            answer = self.ask("unhindered-user", {**headers, "Prefer": "wait=30"})
            self.assertEqual(answer.status, 201, answer)
        finally:
            receiver.answer = lambda path: (200, {})
            let_go.set()
        self.wait_for_trace(trace, WAITED)

    def test_a_receiver_that_is_down_costs_spans_and_nothing_else(self):
        global receiver
        port = receiver.port
        receiver.close()
        restart("gateway-1", {"OPENRUN_TRACES__QUEUE_MAX": "5"})
        try:
            for i in range(12):
                answer = self.ask(f"lost-user-{i}", {**sampled(0xF0 + i)[1], "Prefer": "wait=30"})
                self.assertEqual(answer.status, 201, answer)
            wait_until("some are dropped and counted", lambda: spans_counted("gateway-1")["dropped"] > 0)
            wait_until("the log says so", lambda: any(
                line["message"] == "spans do not reach their receiver" for line in system.log_lines("gateway-1")))
        finally:
            receiver = Receiver(port)
        trace, headers = sampled(0xFF)

        def arrives():
            self.ask("heard-user", {**headers, "Prefer": "wait=30"})
            return receiver.trace(trace)

        wait_until("spans arrive again", arrives, every=0.5)
        wait_until("the log says so too", lambda: any(
            line["message"] == "spans reach their receiver again" for line in system.log_lines("gateway-1")))
        restart("gateway-1")

    def test_zz_users_are_in_no_span(self):
        for path, _, body in receiver.posts:
            self.assertEqual(path, "/v1/traces")
            self.assertNotIn(b"-user", body)
            json.loads(body)


if __name__ == "__main__":
    unittest.main()
