"""openrun check on real parts: all is well on a fresh system, and what is broken is found, named, and gone when it is mended by the
printed command."""

import json
import os
import socket
import subprocess
import threading
import time
import unittest

from system import ROOT, System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, partitions=2)


def setUpModule():
    system.down()
    system.up()
    system.superuser("GRANT pg_monitor TO openrun")


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


class Report:
    """What the command prints with --json."""

    def __init__(self, *arguments, **environment):
        self.code, out, self.err = system.command("--json", "check", "--issuers", 1, *arguments, environment=environment)
        self.findings = json.loads(out)["findings"]
        self.ok = json.loads(out)["ok"]

    def of(self, verdict):
        return sorted((one["part"], one["check"]) for one in self.findings if one["verdict"] == verdict)

    def finding(self, part, check):
        found = [one for one in self.findings if (one["part"], one["check"]) == (part, check)]
        return found[0] if found else None

    def __repr__(self):
        return f"<{self.code} {[one for one in self.findings if one['verdict'] != 'ok']} {self.err}>"


def shell(line):
    """As somebody does who copies what is printed; the superuser's connection is theirs to know."""
    known = {"SUPERUSER_URL": f"postgresql://postgres@127.0.0.1:{system.port('postgres')}/openrun",
             "PATH": system.environment["PATH"].replace('$PATH', os.environ["PATH"]).replace('"', "")}
    done = subprocess.run(["/bin/bash", "-c", line], cwd=ROOT, env=os.environ | system.environment | known, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{line}: exit {done.returncode}: {done.stderr.decode()[-1000:]}")


class CheckTest(unittest.TestCase):
    def found(self, part, check, verdict, *arguments):
        """Waits until it is found, and checks that everything not ok says how to mend it."""
        def look():
            report = Report(*arguments)
            one = report.finding(part, check)
            return (report, one) if one and one["verdict"] == verdict else None
        report, one = wait_until(f"{verdict} {part} {check}", look)
        for each in report.findings:
            self.assertEqual("fix" in each, each["verdict"] != "ok", each)
        self.assertEqual((report.code, report.ok), (1, False) if report.of("WRONG") else (0, True), report)
        return one

    def gone(self, *arguments):
        wait_until("nothing is wrong", lambda: not Report(*arguments).of("WRONG"))


class Fresh(CheckTest):
    def test_a_nothing_is_wrong_and_the_rest_is_mended_by_what_is_printed(self):
        wait_until("the reconciler's first result", lambda: Report().finding("audits", "reconciler")["verdict"] == "ok")
        report = Report()
        self.assertEqual((report.code, report.ok), (0, True), report)
        # A new server has no segments ahead, and nobody has proved anything yet.
        self.assertLessEqual(set(report.of("look")), {("postgres", "WAL ahead"), ("audits", "audit")}, report)
        self.assertEqual(report.finding("gateway", "clock")["verdict"], "ok")
        system.superuser("ALTER SYSTEM SET min_wal_size = '144MB'")
        system.superuser("SELECT pg_reload_conf()")
        self.assertIn("min_wal_size is 144 MB", self.found("postgres", "WAL kept", "look")["text"])
        for check in (("postgres", "WAL ahead"), ("audits", "audit")):
            if finding := Report().finding(*check):
                shell(finding.get("fix", "true"))
        report = Report()
        self.assertEqual(report.of("look"), [("postgres", "WAL kept")], report)

    def test_people_get_lines_and_a_count(self):
        code, out, err = system.command("check", "--issuers", 1)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"(?m)^ok     partitions +issuer +each has one$")
        self.assertRegex(out, r"\n\d+ ok, \d+ to look at, 0 WRONG\n$")

    def test_too_few_issuers_are_wrong(self):
        code, out, _ = system.command("--json", "check", "--issuers", 2)
        self.assertEqual(code, 1)
        self.assertIn("1 issuer; there should be 2", out)

    def test_a_role_without_the_right_is_told_which_and_nothing_fails(self):
        system.superuser("REVOKE pg_monitor FROM openrun")
        finding = self.found("postgres", "WAL ahead", "look")
        self.assertIn("pg_ls_waldir", finding["text"])
        shell(finding["fix"])
        self.assertNotIn("not known", json.dumps(Report().findings))

    def test_without_a_token_the_rest_is_looked_at(self):
        report = Report(OPENRUN_ADMIN_TOKEN="wrong")
        self.assertEqual((report.code, report.finding("gateway", "clock")["verdict"]), (0, "look"), report)

    def test_wrong_usage_is_told_apart(self):
        self.assertEqual(system.command("check", "--issuers", 0)[0], 2)
        self.assertEqual(system.command("check", environment={"OPENRUN_CONFIG": "/nowhere.yaml"})[0], 2)


class Broken(CheckTest):
    def test_a_throttle_that_was_left_set(self):
        self.assertEqual(system.command("dispatch", 100, "--partition", 1)[0], 0)
        finding = self.found("partition 1", "dispatch", "look")
        self.assertIn("100 decisions a second", finding["text"])
        shell(finding["fix"])
        self.assertEqual(Report().finding("partitions", "dispatch")["verdict"], "ok")

    def test_a_partition_without_issuer(self):
        campaign = system.create(5)
        home = system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0]
        system.kill("issuer-1")
        try:
            self.found(f"partition {home}", "issuer", "WRONG")
            self.found(f"campaign {campaign}", "partition", "WRONG", "--campaign", campaign)
            # The group gives it up after its session.
            self.found("kafka", "issuers", "WRONG")
        finally:
            system.start("issuer-1")
        self.gone("--campaign", campaign)

    def test_a_queue_that_nobody_decides(self):
        campaign = system.create(5)
        system.sql("UPDATE outbox SET created_at = created_at - interval '1 minute'")
        system.kill("issuer-1")
        try:
            self.assertEqual(system.request(campaign, "kim").status, 202)
            home = system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0]
            self.assertIn("1 records are not decided", self.found(f"partition {home}", "queue", "WRONG")["text"])
        finally:
            system.start("issuer-1")
        self.gone()

    def test_an_open_dead_letter(self):
        campaign = system.create(5)
        home = int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])
        with system.refusing_poison():
            system.receipt(campaign, "poison-1", wait=30)
        finding = self.found(f"partition {home}", "dead letters", "look")
        self.assertIn("1 is open", finding["text"])
        shell(finding["fix"])
        self.assertEqual(system.command("dlq", "discard", "--execute")[0], 0)
        self.assertEqual(Report().finding("partitions", "dead letters")["verdict"], "ok")

    def test_a_paused_campaign_and_one_that_is_not_there(self):
        campaign = system.create(5, opens_in=3600)
        self.assertRegex(self.found(f"campaign {campaign}", "state", "ok", "--campaign", campaign)["text"], "opens in 59 min|opens in 1 h")
        self.assertEqual(system.command("campaign", "pause", campaign)[0], 0)
        finding = self.found(f"campaign {campaign}", "state", "WRONG", "--campaign", campaign)
        shell(finding["fix"])
        self.gone("--campaign", campaign)
        self.found("campaign 4711", "exists", "WRONG", "--campaign", campaign, "--campaign", 4711)

    def test_an_archive_that_fails_until_it_is_mended(self):
        system.superuser("ALTER SYSTEM SET archive_mode = 'on'")
        system.superuser("ALTER SYSTEM SET archive_command = 'false'")
        try:
            system.stop("postgres")
            system.start("postgres")
            system.superuser("SELECT pg_logical_emit_message(true, 'openrun', 'something')")
            system.superuser("SELECT pg_switch_wal()")
            finding = self.found("postgres", "archive", "look")
            self.assertIn("could not be archived", finding["text"])
            shell(finding["fix"])
            system.superuser("ALTER SYSTEM SET archive_command = 'true'")
            system.superuser("SELECT pg_reload_conf()")
            self.assertEqual(self.found("postgres", "archive", "ok")["text"], "WAL is archived")
        finally:
            system.superuser("ALTER SYSTEM RESET archive_mode")
            system.superuser("ALTER SYSTEM RESET archive_command")
            system.stop("postgres")
            system.start("postgres")
        self.gone()

    def test_postgres_stopped(self):
        system.stop("postgres")
        try:
            self.assertEqual(self.found("postgres", "answers", "WRONG")["fix"], "docs/runbooks/slow-store.md")
            report = Report()
            self.assertEqual(report.finding("kafka", "replicas")["verdict"], "ok", report)
            self.assertEqual(report.finding("gateway", "live")["verdict"], "ok", report)
        finally:
            system.start("postgres")
        self.gone()

    def test_kafka_that_is_not_there_and_a_gateway_that_is_not(self):
        report = Report(OPENRUN_KAFKA__BROKERS="127.0.0.1:1", OPENRUN_URL="http://127.0.0.1:1")
        self.assertEqual(report.of("WRONG"), [("gateway", "answers"), ("kafka", "answers")], report)
        self.assertEqual(report.code, 1)
        self.assertEqual(report.finding("partitions", "issuer")["verdict"], "ok", report)

    def test_of_two_gateways_the_one_that_is_not_there_is_named(self):
        campaign = system.create(5)
        there, gone = system.url(), "http://127.0.0.1:1"
        report = Report("--gateway", there, "--campaign", campaign, "--gateway", gone)
        self.assertEqual(report.of("WRONG"), [(f"gateway {gone}", "answers")], report)
        for check in ("live", "ready", "version", "clock"):
            self.assertEqual(report.finding(f"gateway {there}", check)["verdict"], "ok", report)
        self.assertEqual(report.finding(f"campaign {campaign}", "gateway")["text"], "shown by 1 of 2 gateways")

    def test_what_is_decided_while_a_part_keeps_us_waiting_is_not_ahead_of_our_clock(self):
        campaign = system.create(1_000)
        decided = []

        def keep_waiting(listener):
            """A gateway that takes the call and says nothing, until a record is decided that came 1.5 s later."""
            connection, _ = listener.accept()
            called = time.time()

            def is_decided():
                system.receipt(campaign, f"user-{time.time()}", wait=30)
                newest = system.sql("SELECT extract(epoch FROM max(log_time)) FROM partition_checkpoint")[0][0]
                return float(newest) > called + 1.5
            decided.append(wait_until("a record that came later is decided", is_decided))
            connection.close()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=keep_waiting, args=(listener,))
            thread.start()
            report = Report(OPENRUN_URL=f"http://127.0.0.1:{listener.getsockname()[1]}")
            thread.join()
        self.assertEqual(decided, [True])
        self.assertEqual(report.of("WRONG"), [("gateway", "answers")], report)

    def test_a_frozen_postgres_keeps_nobody(self):
        system.freeze("postgres")
        try:
            report = Report()
            self.assertEqual(report.finding("postgres", "answers")["verdict"], "WRONG", report)
            self.assertEqual(report.finding("kafka", "replicas")["verdict"], "ok", report)
        finally:
            system.thaw("postgres")
        self.gone()


if __name__ == "__main__":
    unittest.main(verbosity=2)
