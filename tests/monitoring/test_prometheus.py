"""Prometheus scrapes a running openrun under load: targets, rules, the dashboards' queries; and SIGHUP sets log levels."""

import json
import math
import os
import pathlib
import signal
import time
import unittest

from prometheus import Prometheus
from system import ROOT, System, wait_until, wrong_checks

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/monitoring")
system = System(STATE + "-system", gateways=2, issuers=2, partitions=2)
prometheus = Prometheus(pathlib.Path(str(system.state) + "-prometheus"))

KINDS = ("gateway", "issuer", "relay", "reconciler")


def names(kind):
    return [f"{kind}-{number}" for number in range(1, 1 + int(system.setting(f"{kind}s") if kind != "reconciler" else 1))]


def setUpModule():
    system.down()
    system.up({"OPENRUN_RECONCILER__FULL_INTERVAL_S": "1"})
    prometheus.start({f"openrun-{kind}": [system.port(name) for name in names(kind)] for kind in KINDS})


def tearDownModule():
    prometheus.stop()
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def quiet():
    return not prometheus.firing()


class UnderLoad(unittest.TestCase):
    """Some seconds of real requests, and what Prometheus then knows."""

    @classmethod
    def setUpClass(cls):
        # It finds its targets within five seconds of its start.
        wait_until("all are scraped", lambda: len(prometheus.query("up == 1")) == sum(len(names(kind)) for kind in KINDS))
        wait_until("no alert fires", quiet)
        cls.since = time.monotonic()
        cls.campaign = system.create(stock=100_000)
        cls.load = system.load("--campaign", cls.campaign, "--users", 200_000, "--rate", 200, "--send-for", 40)
        cls.addClassCleanup(cls.load.abandon)
        wait_until("there is traffic", lambda: prometheus.query("openrun:accepted:rate1m > 50"))

    def test_1_every_target_is_up(self):
        self.assertEqual({(target["labels"]["job"], target["health"], target["lastError"]) for target in prometheus.targets()},
                         {(f"openrun-{kind}", "up", "") for kind in KINDS})

    def test_2_every_rule_is_evaluated_and_records_something(self):
        for rule in prometheus.rules("recording"):
            with self.subTest(rule["name"], labels=rule.get("labels")):
                self.assertEqual((rule["health"], rule.get("lastError")), ("ok", None))
                selector = "{" + ", ".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items()) + "}"
                wait_until("it has data", lambda r=rule, s=selector: [
                    value for _, value in prometheus.query(r["name"] + s) if not math.isnan(value)], seconds=60)
        for rule in prometheus.rules("alerting"):
            self.assertEqual((rule["name"], rule["health"], rule.get("lastError")), (rule["name"], "ok", None))

    def test_3_every_query_of_every_panel_has_data(self):
        panels = 0
        for path in sorted((ROOT / "config/grafana/dashboards").glob("*.json")):
            dashboard = json.loads(path.read_text(encoding="utf-8"))
            for panel in dashboard["panels"]:
                for target in panel.get("targets", []):
                    expression = target["expr"].replace("$__rate_interval", "5s").replace("$partition", ".+").replace("$job", ".+")
                    with self.subTest(dashboard["title"], panel=panel["title"], query=expression):
                        self.assertNotIn("$", expression, "a variable that nobody has set")
                        wait_until("it has data", lambda e=expression: prometheus.query(e), seconds=60)
                        panels += 1
        self.assertGreater(panels, 50)

    def test_4_the_load_was_served_and_no_alert_fired(self):
        report = self.load.finish()
        self.assertEqual(wrong_checks(report), [])
        seconds = int(time.monotonic() - self.since)
        self.assertEqual(prometheus.query(f'max_over_time(ALERTS{{alertstate="firing"}}[{seconds}s])'), [])


class LogLevels(unittest.TestCase):
    def set_level(self, text):
        """As an operator does: edits the file, sends SIGHUP. Returns each daemon's new lines once it has said something."""
        file = system.state / "openrun.yaml"
        before = {name: len(list(system.log_lines(name))) for name in self.daemons}
        plain = file.read_text(encoding="utf-8").split("log:\n")[0]
        file.write_text(plain + f"log:\n  level: {text}\n", encoding="utf-8")
        said = {}
        for name in self.daemons:
            os.kill(system.pid(name), signal.SIGHUP)
            said[name] = wait_until(f"{name} answers", lambda n=name: [
                line for line in list(system.log_lines(n))[before[n]:] if line["message"].startswith("log level")])
        return said

    def setUp(self):
        self.daemons = [name for kind in KINDS for name in names(kind)]
        pids = {name: system.pid(name) for name in self.daemons}
        self.addCleanup(lambda: self.assertEqual(pids, {name: system.pid(name) for name in self.daemons}))

    def test_sighup_sets_the_log_level_and_no_user_is_named_above_debug(self):
        campaign = system.create(stock=5)
        for number in range(10):
            self.assertIn(system.request(campaign, f"somebody-{number}", wait=30).status, (201, 409))
        for name in self.daemons:
            self.assertNotIn("somebody-", (system.state / "log" / f"{name}.log").read_text(encoding="utf-8"), name)
        for name, lines in self.set_level("debug").items():
            self.assertEqual([(line["message"], line["minimum"]) for line in lines], [("log level is set", "debug")], name)
        system.call("POST", f"/v1/campaigns/{system.create(stock=5)}/requests", {"user_id": "somebody-traced"},
                    headers={"traceparent": "00-" + "a1" * 16 + "-00f067aa0ba902b7-01", "Prefer": "wait=30"})
        wait_until("debug lines are written", lambda: [line for line in system.log_lines("gateway-1") if line["level"] == "debug"])
        for name, lines in self.set_level("error").items():
            self.assertEqual([(line["message"], line["minimum"]) for line in lines], [("log level is set", "error")], name)
        for name in self.daemons:
            for line in system.log_lines(name):
                if line["level"] != "debug":
                    self.assertNotIn("somebody-", json.dumps(line), name)

    def test_a_level_that_does_not_exist_changes_nothing_and_is_named(self):
        for name, lines in self.set_level("loud").items():
            (line,) = lines
            self.assertEqual(line["message"], "log level stays as it is: the configuration cannot be read again", name)
            self.assertIn('log.level is "loud"', line["error"])
            self.assertIn("openrun.yaml", line["error"])
        for name, lines in self.set_level("info").items():
            self.assertEqual(lines[-1]["minimum"], "info", name)


if __name__ == "__main__":
    unittest.main()
