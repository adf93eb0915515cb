"""Lines at level error become events of Sentry, over HTTPS by an authority of our own, as a tracker would receive them."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

from receivers import Receiver
from secure_servers import Authority
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=1, partitions=1)
folder = tempfile.TemporaryDirectory(prefix="openrun-reports-")
tracker = None
KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def setUpModule():
    global tracker
    authority = Authority(folder.name, "tracker-authority")
    key, certificate = authority.sign("tracker", "IP:127.0.0.1")
    tracker = Receiver(tls=(certificate, key))
    system.down()
    system.up(reporting(authority.certificate))


def tearDownModule():
    tracker.close()
    folder.cleanup()
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def reporting(certificate=None):
    dsn = f"https://{KEY}@127.0.0.1:{tracker.port}/42"
    return {"SENTRY_DSN": dsn, "SENTRY_CA_FILE": str(certificate or pathlib.Path(folder.name, "tracker-authority.crt"))}


def events():
    found = []
    for path, headers, body in list(tracker.posts):
        assert path == "/api/42/envelope/", path
        assert headers["Content-Type"] == "application/x-sentry-envelope", headers
        assert headers["X-Sentry-Auth"].startswith("Sentry sentry_version=7, sentry_client=openrun/"), headers
        assert f"sentry_key={KEY}" in headers["X-Sentry-Auth"], headers
        header, item, event, rest = body.decode().split("\n")
        assert rest == "", body
        event, item = json.loads(event), json.loads(item)
        assert item["type"] == "event" and item["length"] == len(body.decode().split("\n")[2].encode()), item
        assert json.loads(header)["event_id"] == event["event_id"]
        found.append(event)
    return found


def reports_counted(name):
    values = system.metrics(name)
    return {fate: values.get(f'openrun_error_reports_total{{fate="{fate}"}}', 0) for fate in ("sent", "dropped", "left_out")}


class ErrorReports(unittest.TestCase):
    def bad_keys(self, name, environment):
        """A daemon that cannot start says so at level critical, and ends."""
        binary = {"gateway": "openrun-gateway", "issuer": "openrun-issuer", "reconciler": "openrun-reconciler"}[name]
        return subprocess.run(
            [binary, "--config", system.environment["OPENRUN_CONFIG"]], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            env=os.environ | system.environment | {"OPENRUN_KEYS__FILE": "no-such-keys.yaml"} | environment, check=False)

    def test_an_error_of_a_running_daemon_becomes_an_event(self):
        campaign = system.create(stock=10)
        partition = 0
        offset = system.next_offsets()[partition]
        with system.refusing_poison():
            receipt = system.receipt(campaign, "poison-reported")
            wait_until("it is a dead letter", lambda: system.status(receipt).json["status"] == "failed")
        message = "the store refuses a record, it becomes a dead letter"
        (event,) = tracker.wait_for("the event", lambda: [one for one in events() if one["message"] == message])
        (line,) = [line for line in system.log_lines("issuer-1") if line["message"] == message]
        self.assertEqual((event["level"], event["logger"], event["platform"]), ("error", "openrun-issuer", "native"))
        self.assertEqual((event["tags"]["partition"], event["tags"]["first_offset"]), (str(partition), str(offset)))
        self.assertEqual(event["tags"]["instance"], line["instance"])
        self.assertTrue(event["release"].startswith("openrun@"))
        self.assertEqual(len(event["event_id"]), 32)
        self.assertTrue(event["server_name"])
        self.assertNotIn("poison-reported", json.dumps(event))
        wait_until("it is counted", lambda: reports_counted("issuer-1")["sent"] >= 1)
        print("\nThe event, as the tracker received it:\n" + json.dumps(event, indent=1, ensure_ascii=False))

    def test_a_daemon_that_cannot_start_is_heard_before_it_ends(self):
        for name in ("gateway", "issuer", "reconciler"):
            done = self.bad_keys(name, reporting())
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertNotIn(KEY.encode(), done.stdout + done.stderr)
            (event,) = [one for one in events() if one["level"] == "fatal" and one["tags"]["daemon"] == name]
            self.assertEqual(event["message"], "cannot start")

    def test_a_tracker_that_cannot_be_trusted_or_reached_delays_nothing_but_the_end(self):
        # The daemons that run may report something at any time.
        fatal = lambda: [one for one in events() if one["level"] == "fatal"]
        before = fatal()
        done = self.bad_keys("issuer", reporting() | {"SENTRY_CA_FILE": ""})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(fatal(), before, "its authority is not one of the system's")
        done = self.bad_keys("issuer", {"SENTRY_DSN": f"https://{KEY}@127.0.0.1:1/42"})
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_a_bad_dsn_is_refused_at_the_start_and_not_repeated(self):
        for daemon in ("openrun-gateway", "openrun-issuer", "openrun-relay", "openrun-reconciler"):
            done = subprocess.run(
                [daemon, "--config", system.environment["OPENRUN_CONFIG"]], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                env=os.environ | system.environment | {"SENTRY_DSN": f"https://{KEY}@"}, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"SENTRY_DSN is no DSN; copy it from the project's settings", done.stderr)
            self.assertNotIn(KEY.encode(), done.stdout + done.stderr)

    def test_whoever_is_told_to_be_silent_is(self):
        tracker.answer = lambda path: (429, {"Retry-After": "120", "X-Sentry-Rate-Limits": "120:error:key"})
        try:
            campaign = system.create(stock=10)
            with system.refusing_poison():
                before = reports_counted("issuer-1")["dropped"]
                for user in ("poison-one", "poison-two"):
                    receipt = system.receipt(campaign, user)
                    wait_until("it is a dead letter", lambda: system.status(receipt).json["status"] == "failed")
                    wait_until("the report is dropped", lambda: reports_counted("issuer-1")["dropped"] > before)
                    before = reports_counted("issuer-1")["dropped"]
        finally:
            tracker.answer = lambda path: (200, {})
        self.assertEqual([one for one in events() if one["message"].startswith("the store refuses")][2:], [], "only the first was posted")

    def test_a_daemon_that_reports_still_hears_sighup(self):
        os.kill(system.pid("issuer-1"), signal.SIGHUP)
        wait_until("it says so", lambda: any(line["message"] == "log level is set" for line in system.log_lines("issuer-1")))
        self.assertEqual(system.call("GET", "/livez", daemon="issuer-1").status, 200)

    def test_z_no_daemon_has_written_the_secret(self):
        for name in ("gateway-1", "issuer-1", "relay-1", "reconciler-1"):
            self.assertNotIn(KEY, (system.state / "log" / f"{name}.log").read_text())


if __name__ == "__main__":
    unittest.main()
