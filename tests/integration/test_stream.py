"""Outcomes that gateways hear from issuers before they come through Kafka, and what remains when they can't."""

import os
import unittest

from system import System, wait_until, wrong_checks

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration") + "-stream"
ISSUERS = ("issuer-1", "issuer-2")
system = System(STATE, gateways=2, issuers=2, relays=1, partitions=2)


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def heard(gateway):
    return system.metrics(f"gateway-{gateway}").get("openrun_results_streamed_total", 0)


def connections(gateway):
    return system.metrics(f"gateway-{gateway}").get("openrun_stream_connections", 0)


def listeners():
    return sum(system.metrics(issuer).get("openrun_stream_listeners", 0) for issuer in ISSUERS)


def writers():
    return [issuer for issuer in ISSUERS for name, value in system.metrics(issuer).items()
            if name.startswith("openrun_issuer_owned{") and value == 1.0]


class Stream(unittest.TestCase):
    def setUp(self):
        wait_until("each partition has a writer", lambda: len(writers()) == 2, 30)
        for gateway in (1, 2):
            wait_until(f"gateway-{gateway} is ready", lambda g=gateway: system.ready(g), 30)

    def decide(self, gateway=1):
        """One request in each partition, whichever gateway asks."""
        for _ in range(2):
            answer = system.request(system.create(1, gateway=gateway), "somebody", gateway=gateway, wait=30)
            self.assertEqual(answer.status, 201, answer)

    def hears_again(self, gateway, since):
        """Requests are decided until the gateway has heard of one: what it is told first may have invited it."""
        def ask():
            self.decide()
            return heard(gateway) > since
        wait_until(f"gateway-{gateway} hears what is decided", ask, 30)

    def load(self, *arguments):
        return system.load(*arguments, "--users", 2000, "--double-click", "--connections", 64, "--check-codes", "--reread")

    def assertExact(self, report):
        self.assertEqual(wrong_checks(report), [], report)
        self.assertEqual(report["undecided"], 0)
        self.assertTrue(system.audit()["clean"])

    def test_every_gateway_hears_what_issuers_decide(self):
        for gateway in (1, 2):
            self.hears_again(gateway, heard(gateway))
            self.assertGreaterEqual(connections(gateway), 1)
        self.assertGreaterEqual(listeners(), 2)
        before = heard(1), heard(2)
        self.assertExact(self.load("--create", 500, "--url", system.url(1), "--url", system.url(2)).finish())
        self.assertGreater(heard(1), before[0])
        self.assertGreater(heard(2), before[1])

    def test_whoever_takes_over_is_heard(self):
        self.hears_again(1, heard(1))
        victim = writers()[0]
        system.kill(victim)
        try:
            other = next(name for name in ISSUERS if name != victim)
            owned = [f'openrun_issuer_owned{{partition="{partition}"}}' for partition in (0, 1)]
            wait_until("the other issuer has both partitions", lambda: all(system.metrics(other).get(name) == 1.0 for name in owned), 30)
            self.hears_again(1, heard(1))
        finally:
            system.start(victim)
        wait_until("it takes its part again", lambda: set(writers()) == set(ISSUERS), 60)
        self.hears_again(1, heard(1))

    def test_a_gateway_that_was_frozen_knows_all_outcomes(self):
        self.hears_again(2, heard(2))
        campaign = system.create(500)
        system.freeze("gateway-2")
        try:
            report = self.load("--campaign", campaign, "--gateway", system.url(1)).finish()
        finally:
            system.thaw("gateway-2")
        self.assertExact(report)
        wait_until("gateway-2 is ready", lambda: system.ready(2), 30)
        wait_until("gateway-2 knows that the campaign is sold out", lambda: system.campaign(campaign, gateway=2)["issued"] == 500, 30)
        self.hears_again(2, heard(2))

    def test_without_listeners_all_comes_through_the_log(self):
        silent = {"OPENRUN_ISSUER__STREAM_LISTENERS_MAX": "0"}
        for issuer in ISSUERS:
            system.stop(issuer)
            system.start(issuer, environment=silent)
        try:
            self.setUp()
            self.decide()
            before = heard(1), heard(2)
            self.assertExact(self.load("--create", 500, "--url", system.url(1), "--url", system.url(2)).finish())
            self.assertEqual((heard(1), heard(2)), before)
            self.assertEqual((connections(1), connections(2)), (0, 0))
        finally:
            for issuer in ISSUERS:
                system.stop(issuer)
                system.start(issuer)


if __name__ == "__main__":
    unittest.main()
