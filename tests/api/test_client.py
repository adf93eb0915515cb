"""The client for front-ends: by its own tests, and against a real gateway through connections that break."""

import json
import os
import pathlib
import subprocess
import unittest

from system import ROOT, System

HERE = pathlib.Path(__file__).resolve().parent
USERS = 300
STOCK = 100


def node(*arguments, **more):
    return subprocess.run(["node", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300, check=False, **more)


class ClientAlone(unittest.TestCase):
    def test_its_own_tests_pass(self):
        done = node("--test", ROOT / "services/gateway/web/openrun-client.test.mjs")
        self.assertEqual(done.returncode, 0, done.stdout.decode())


class ClientAndGateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.system = System(os.environ["OPENRUN_TEST_STATE"])
        cls.addClassCleanup(cls.system.down)
        cls.system.up()

    def test_everybody_learns_their_outcome_though_every_seventh_answer_is_lost(self):
        campaign = self.system.create(STOCK)
        done = node(HERE / "client.mjs", self.system.url(), campaign, USERS)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        seen = json.loads(done.stdout)
        print(seen)
        outcomes = seen["outcomes"]
        self.assertEqual(seen["codes"], STOCK, "every coupon reached somebody, and none two")
        self.assertEqual(sum(outcomes.values()), USERS + USERS // 10)
        self.assertLessEqual(set(outcomes), {"issued", "ALREADY_ISSUED", "SOLD_OUT"})
        self.assertGreater(seen["lost"], 20)
        self.assertEqual(self.system.campaign(campaign)["issued"], STOCK)


if __name__ == "__main__":
    unittest.main()
