"""A private Prometheus with the delivered configuration, on loopback and a free port. Standard library only."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from system import ROOT, Failed, free_ports, wait_until

CONFIGURATION = ROOT / "config" / "prometheus"
# So that a test needs seconds where a deployment takes minutes: how often is looked, and what a minute becomes.
LOOK_EVERY_MS = 500
MINUTE_S = 4


def faster(rules):
    """The same rules with shorter ranges and shorter waiting; thresholds stay."""
    def seconds(match):
        number, unit = int(match.group(2)), match.group(3)
        return f"{match.group(1)}{max(1, number * MINUTE_S if unit == 'm' else number * MINUTE_S // 60)}s{match.group(4)}"
    rules = re.sub(r"(\[)(\d+)([ms])(\])", seconds, rules)
    return re.sub(r"(\bfor: )(\d+)([ms])()$", seconds, rules, flags=re.MULTILINE)


class Prometheus:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None

    def start(self, targets):
        """`targets`: job -> list of ports."""
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "rules").mkdir(parents=True)
        text = (CONFIGURATION / "prometheus.yml").read_text(encoding="utf-8")
        text = re.sub(r"(scrape_interval|evaluation_interval): 5s", rf"\1: {LOOK_EVERY_MS}ms", text)
        (self.directory / "prometheus.yml").write_text(text, encoding="utf-8")
        for rules in (CONFIGURATION / "rules").glob("*.yml"):
            (self.directory / "rules" / rules.name).write_text(faster(rules.read_text(encoding="utf-8")), encoding="utf-8")
        (self.directory / "targets.yml").write_text(json.dumps(
            [{"labels": {"job": job}, "targets": [f"127.0.0.1:{port}" for port in ports]} for job, ports in targets.items()]),
            encoding="utf-8")
        (self.port,) = free_ports(1)
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.directory / 'prometheus.yml'}", f"--storage.tsdb.path={self.directory / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ, TZ="UTC"))
        wait_until("Prometheus is ready", self.ready)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError((self.directory / "log").read_text(encoding="utf-8")[-3000:])
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
            return answer.status == 200

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Failed(f"{path} {parameters}: {error.read().decode()}") from None

    def query(self, expression):
        """A list of (labels, value)."""
        return [(each["metric"], float(each["value"][1])) for each in self.ask("query", query=expression)["result"]]

    def rules(self, kind):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"] if rule["type"] == kind]

    def targets(self):
        return self.ask("targets", state="active")["activeTargets"]

    def firing(self):
        """name -> list of alerts."""
        alerts = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                alerts.setdefault(alert["labels"]["alertname"], []).append(alert)
        return alerts
