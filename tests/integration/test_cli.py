"""The operator's tool on real parts: every printed example, the commands for support, and what it says when something is down."""

import csv
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from system import System

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, partitions=2)


def setUpModule():
    system.down()
    system.up()
    # The examples speak of campaigns 1 and 2, and of kim.
    for name in ("first", "second"):
        tool("campaign", "create", "--name", name, "--stock", 20)
    for user in ("kim", "lee", "park"):
        system.request(1, user, wait=30)


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def tool(*arguments, exits=0, **environment):
    """The JSON document that the command prints, or the error's where it is to exit with something else."""
    code, out, err = system.command("--json", *arguments, environment=environment)
    if code != exits:
        raise AssertionError(f"openrun {arguments} exited {code}: {out[-2000:]} {err[-2000:]}")
    return json.loads(out) if exits == 0 else json.loads(err)["error"]


def commands(tree):
    if not tree["commands"]:
        yield tree
    for one in tree["commands"]:
        yield from commands(one)


class Examples(unittest.TestCase):
    def test_a_every_printed_example_works_as_it_is_printed(self):
        tried = 0
        with tempfile.TemporaryDirectory() as folder:
            for command in commands(tool("help")):
                self.assertTrue(command["examples"], command["path"])
                for example in command["examples"]:
                    done = subprocess.run(["/bin/bash", "-c", example["line"]], cwd=folder, env=os.environ | system.environment,
                                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
                    told = f"{example['line']}: exit {done.returncode}: {done.stderr.decode()[-1000:]}"
                    # What is not there on a fresh system (a code, a receipt, a dead letter) is said so, with 1.
                    missing = command["path"] in ("coupon show", "coupon redeem", "request show", "dlq show")
                    self.assertEqual(done.returncode, 1 if missing else 0, told)
                    tried += 1
            self.assertEqual(len(list(csv.reader(pathlib.Path(folder, "1.csv").read_text(encoding="utf-8").splitlines()))), 4)
        self.assertGreater(tried, 60)


class Support(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.campaign = tool("campaign", "create", "--name", "help desk", "--stock", 3, "--code-format", "latin", "--valid-for", "1h")["id"]
        cls.receipts = {user: system.receipt(cls.campaign, user, wait=30) for user in ("kim", "lee")}

    def test_a_code_a_user_and_a_receipt_lead_to_the_coupon(self):
        coupons = tool("coupon", "list", self.campaign)["coupons"]
        self.assertEqual([one["user_id"] for one in coupons], ["kim", "lee"])
        code = coupons[0]["code"]
        self.assertEqual(tool("coupon", "show", code.lower()), coupons[0])
        self.assertIn(coupons[0], tool("user", "coupons", "kim")["coupons"])
        self.assertEqual(tool("request", "show", self.receipts["kim"])["coupon"]["code"], code)
        self.assertEqual(len(tool("coupon", "list", self.campaign, "--after", 1, "--limit", 1)["coupons"]), 1)

    def test_a_coupon_is_redeemed_once(self):
        code = tool("coupon", "list", self.campaign)["coupons"][1]["code"]
        self.assertEqual(tool("coupon", "redeem", code, "--user", "kim", exits=1)["code"], "FORBIDDEN")
        self.assertEqual(tool("coupon", "redeem", code, "--user", "lee", "--idempotency-key", "till-1")["status"], "USED")
        self.assertEqual(tool("coupon", "redeem", code, "--idempotency-key", "till-1")["status"], "USED")
        self.assertEqual(tool("coupon", "redeem", code, exits=1)["code"], "ALREADY_USED")

    def test_why_and_history_say_so_where_there_is_no_such_campaign(self):
        for command in (("why", "--campaign", 4711, "--user", "kim"), ("campaign", "history", 4711), ("campaign", "show", 4711)):
            self.assertIn("NOT_FOUND", tool(*command, exits=1)["code"])


class Campaigns(unittest.TestCase):
    def test_the_same_key_makes_one_campaign(self):
        made = [tool("campaign", "create", "--name", "once", "--stock", 5, "--idempotency-key", "once-1")["id"] for _ in range(2)]
        self.assertEqual(made[0], made[1])

    def test_terms_are_created_updated_and_listed(self):
        made = tool("campaign", "create", "--name", "가을", "--stock", 5, "--discount-amount", 5000, "--currency", "KRW", "--starts-at", "+1h")
        self.assertEqual((made["state"], made["policy"]["discount"]), ("scheduled", {"type": "amount", "value": 5000, "currency": "KRW"}))
        changed = tool("campaign", "update", made["id"], "--max-per-user", 2, "--starts-at", "now", "--ends-at", "+2h")
        self.assertEqual((changed["state"], changed["policy"]["max_per_user"]), ("open", 2))
        self.assertEqual(changed["policy"]["discount"], made["policy"]["discount"])
        self.assertIsNone(tool("campaign", "update", made["id"], "--ends-at", "never")["ends_at"])
        self.assertIn(made["id"], [one["id"] for one in tool("campaign", "list", "--state", "open")["campaigns"]])

    def test_refusals_of_the_gateway_keep_their_code(self):
        self.assertEqual(tool("campaign", "add-stock", 1, -5000, exits=1)["code"], "BELOW_ISSUED")
        self.assertEqual(tool("campaign", "list", OPENRUN_URL=system.url(), OPENRUN_ADMIN_TOKEN="wrong")["campaigns"][0]["id"], 1)
        self.assertEqual(tool("campaign", "pause", 1, exits=1, OPENRUN_ADMIN_TOKEN="wrong")["code"], "UNAUTHENTICATED")

    def test_dispatch_is_set_and_read(self):
        self.assertEqual(tool("dispatch", 700, "--partition", 1)["partitions"], [{"partition": 1, "per_second": 700}])
        self.assertEqual(tool("dispatch")["partitions"][-1]["per_second"], 700)
        tool("dispatch", 0, "--partition", 1)

    def test_an_export_is_written_whole_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "coupons.json")
            tool_code, out, _ = system.command("campaign", "export", 1, "--json", "--output", path)
            self.assertEqual((tool_code, out, len(json.loads(path.read_text())["coupons"])), (0, "", 3))
            code, out, err = system.command("campaign", "export", 4711, "--output", path.with_name("none.csv"))
            self.assertEqual((code, out, [one.name for one in path.parent.iterdir()]), (1, "", ["coupons.json"]), err)


class Load(unittest.TestCase):
    def test_many_campaigns_are_looked_at_by_pages(self):
        def answered(route):
            return system.metrics("gateway-1").get(f'openrun_http_requests_total{{route="{route}",status="2xx"}}', 0)

        one, pages = answered("/v1/campaigns/{}"), answered("/v1/campaigns")
        report = tool("load", "--create", 2, "--campaigns", 20, "--users", 50, "--connections", 8)
        self.assertTrue(report["exact"], report["checks"])
        self.assertEqual(report["outcomes"], {"issued": 40, "SOLD_OUT": 10})
        for campaign in report["campaigns"]:
            self.assertIn({"ok": True, "text": f"campaign {campaign}: the gateway says 2 issued"}, report["checks"])
        # Before and after the run; the 20 that are made are POSTs to the same route.
        self.assertEqual((answered("/v1/campaigns/{}") - one, answered("/v1/campaigns") - pages), (0, 22))
        self.assertEqual(tool("load", "--campaign", 4711, 4712, 4713, "--users", 3, exits=1)["code"], "CAMPAIGN_NOT_FOUND")


    def test_the_cpu_of_the_parts_is_told_beside_the_throughput(self):
        parts, users = ("gateway-1", "issuer-1", "kafka", "postgres"), 3_000
        report = tool("load", "--create", users, "--users", users, "--connections", 64, *(f"--cpu={part}={system.pid(part)}" for part in parts))
        cpu = {one["name"]: one for one in report["cpu"]}
        self.assertEqual(list(cpu), [*parts, "openrun load"])
        for one in cpu.values():
            self.assertEqual(one["ended"], 0, one)
            self.assertAlmostEqual(one["us_per_decided"], one["seconds"] / users * 1e6)
        # All that a request passes: so much that no clock is too coarse for it.
        for name in ("gateway-1", "kafka", "openrun load"):
            self.assertGreater(cpu[name]["seconds"], 0, cpu)


class SomethingIsDown(unittest.TestCase):
    def test_each_part_that_is_down_is_named(self):
        nowhere = "127.0.0.1:1"
        for arguments, environment, named in (
                (["campaign", "list"], {"OPENRUN_URL": f"http://{nowhere}"}, nowhere),
                (["audit"], {"OPENRUN_POSTGRES__URL": f"postgresql://openrun@{nowhere}/openrun"}, "Postgres"),
                (["dlq", "list"], {"OPENRUN_POSTGRES__URL": f"postgresql://openrun@{nowhere}/openrun"}, "port 1"),
                (["topics", "check"], {"OPENRUN_KAFKA__BROKERS": nowhere}, "Kafka")):
            error = tool(*arguments, exits=1, **environment)
            self.assertEqual(error["code"], "UNREACHABLE", error)
            self.assertIn(named, error["message"])

    def test_a_configuration_that_is_not_there_is_wrong_usage(self):
        for environment in ({"OPENRUN_CONFIG": "/nowhere.yaml"}, {"OPENRUN_KEYS__FILE": "/nowhere.yaml"}):
            self.assertEqual(tool("audit", exits=2, **environment)["code"], "CONFIGURATION")


if __name__ == "__main__":
    unittest.main()
