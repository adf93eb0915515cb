"""What can be said of rules, runbooks and dashboards without a running openrun."""

import json
import os
import pathlib
import re
import subprocess
import unittest

from prometheus import CONFIGURATION, ROOT, Prometheus

STATE = pathlib.Path(os.environ.get("OPENRUN_TEST_STATE", ROOT / ".openrun/monitoring"))
METRIC = re.compile(r"\bopenrun_[a-z_]+")
# Suffixes that Prometheus adds to a histogram's name.
OF_A_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


def run(*command, where=ROOT):
    done = subprocess.run(command, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, check=False)
    return done.returncode, done.stdout.decode()


def documented():
    return set(re.findall(r"`(openrun_[a-z_]+)", (ROOT / "docs/metrics.md").read_text(encoding="utf-8")))


def unknown_metrics(expressions):
    known = documented()
    found = {name for text in expressions for name in METRIC.findall(text)}
    return sorted(name for name in found if name not in known and OF_A_HISTOGRAM.sub("", name) not in known)


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prometheus = Prometheus(STATE.with_name(STATE.name + "-rules"))
        cls.prometheus.start({})
        cls.addClassCleanup(cls.prometheus.stop)
        cls.alerts = cls.prometheus.rules("alerting")
        cls.recorded = cls.prometheus.rules("recording")

    def test_promtool_accepts_the_configuration(self):
        code, said = run("promtool", "check", "config", "prometheus.yml", where=CONFIGURATION)
        self.assertEqual(code, 0, said)

    def test_promtool_sees_every_alert_fire_and_be_quiet(self):
        code, said = run("promtool", "test", "rules", str(ROOT / "tests/monitoring/rules_test.yml"))
        self.assertEqual(code, 0, said)
        text = (ROOT / "tests/monitoring/rules_test.yml").read_text(encoding="utf-8")
        self.assertEqual([alert["name"] for alert in self.alerts if f'alertname="{alert["name"]}"' not in text], [])

    def test_every_alert_says_how_bad_what_how_much_and_what_to_do(self):
        self.assertGreater(len(self.alerts), 20)
        for alert in self.alerts:
            with self.subTest(alert["name"]):
                self.assertIn(alert["labels"]["severity"], ("critical", "warning"))
                self.assertTrue(alert["annotations"]["summary"])
                self.assertIn("{{ $value", alert["annotations"]["description"])
                runbook = ROOT / alert["annotations"]["runbook"]
                self.assertEqual(runbook.parent, ROOT / "docs/runbooks")
                self.assertIn(f"`{alert['name']}`", runbook.read_text(encoding="utf-8"), "its runbook names it")

    def test_the_page_for_operators_lists_every_alert(self):
        page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        self.assertEqual([alert["name"] for alert in self.alerts if f"`{alert['name']}`" not in page], [])

    def test_rules_name_metrics_that_exist(self):
        self.assertEqual(unknown_metrics(rule["query"] for rule in self.alerts + self.recorded), [])


class Dashboards(unittest.TestCase):
    def test_the_files_are_what_their_source_writes(self):
        code, said = run("/usr/bin/python3", str(ROOT / "config/grafana/dashboards.py"), "--check")
        self.assertEqual(code, 0, said)

    def test_they_name_metrics_that_exist(self):
        for path in sorted((ROOT / "config/grafana/dashboards").glob("*.json")):
            with self.subTest(path.name):
                panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
                self.assertEqual(unknown_metrics(target["expr"] for panel in panels for target in panel.get("targets", [])), [])


if __name__ == "__main__":
    unittest.main()
