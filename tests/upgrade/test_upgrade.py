"""One system goes from the release before to this one and on to the next, under load; run.sh builds the other two."""

import os
import pathlib
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from crowd import Crowd, answers  # noqa: E402
from system import System, wait_until  # noqa: E402

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/upgrade")
PARENT = pathlib.Path(os.environ["OPENRUN_UPGRADE_PARENT"])
NEXT = pathlib.Path(os.environ["OPENRUN_UPGRADE_NEXT"])
GATEWAYS, ISSUERS = ("gateway-1", "gateway-2"), ("issuer-1", "issuer-2")
RECORD_STOP = 'openrun_issuer_stopped{{partition="{}",reason="RECORD_VERSION"}}'
PARTITIONS = 2
system = System(STATE, gateways=2, issuers=2, partitions=PARTITIONS)


def tool(root, *arguments):
    """`openrun` of that tree: (exit code, all that it said)."""
    done = subprocess.run(
        [str(root / "build" / "dev" / "bin" / "openrun"), *map(str, arguments)], env=os.environ | system.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    return done.returncode, done.stdout.decode()


def ready(name):
    return system.call("GET", "/readyz", daemon=name, timeout=5).status == 200


def replace(name, root):
    """Stops one daemon in an orderly way and starts it from another tree; returns when it is ready."""
    system.stop(name)
    system.start(name, root=root)
    wait_until(f"{name} is ready", lambda: ready(name), 60)


def version_of(name):
    """The tree that a daemon runs from."""
    return pathlib.Path(os.readlink(f"/proc/{system.pid(name)}/exe")).parents[3]


def stopped_partitions():
    return {partition for partition in range(PARTITIONS) for issuer in ISSUERS
            if system.metrics(issuer).get(RECORD_STOP.format(partition)) == 1.0}


def knows(root, text):
    return text in (root / "libs" / "postgres" / "src" / "schema.cpp").read_text(encoding="utf-8")


def setUpModule():
    system.down()
    system.up(root=PARENT)


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


class Upgraded(unittest.TestCase):
    """One way from release to release, on which the facts are gathered; each test asks for one of them."""

    @classmethod
    def setUpClass(cls):
        cls.campaigns = [system.create(1_000_000), system.create(1_000_000)]
        cls.crowd = Crowd(system, cls.campaigns, "crowd", threads=4)
        try:
            cls.goes_on("the release before")
            cls.migrate_under_the_release_before()
            cls.roll_to_this_release()
            cls.a_gateway_of_the_next_release_comes_too_early()
            cls.roll_to_the_next_release()
        finally:
            cls.kept = cls.crowd.stop()
        # The last of them have only just been accepted.
        wait_until("all is decided", lambda: None not in answers(system, cls.kept).values(), 60)
        cls.told = answers(system, cls.kept)
        print(f"\n{len(cls.kept)} accepted, {cls.crowd.refused} answered 503, {cls.crowd.unreachable} not connected", flush=True)

    @classmethod
    def goes_on(cls, what):
        """Requests are accepted and decided while it is so."""
        begun = time.monotonic()
        wait_until(f"requests are accepted: {what}", cls.crowd.has_asked(200), 60)
        decided = sum(system.next_offsets().values())
        wait_until(f"requests are decided: {what}", lambda: sum(system.next_offsets().values()) >= decided + 200, 60)
        print(f"\n{what}: goes on after {time.monotonic() - begun:.1f} s", end="", flush=True)

    @classmethod
    def migrate_under_the_release_before(cls):
        cls.migrated_here = tool(ROOT, "migrate")
        cls.goes_on("the schema of this release below the release before")
        cls.migrated_next = tool(NEXT, "migrate")
        cls.goes_on("the schema of the next release below the release before")
        cls.migrated_back = [tool(PARENT, "migrate"), tool(ROOT, "migrate")]
        cls.restarted_beside = knows(PARENT, "runs_beside")
        if cls.restarted_beside:
            for name in ("issuer-1", "relay-1", "gateway-1"):
                replace(name, PARENT)
            cls.goes_on("daemons of the release before, started again beside the newer schema")
        cls.lived_through = {name: version_of(name) for name in (*GATEWAYS, *ISSUERS, "relay-1")}

    @classmethod
    def roll_to_this_release(cls):
        for name in ("relay-1", "reconciler-1", *ISSUERS, *GATEWAYS):
            replace(name, ROOT)
            cls.goes_on(f"{name} of this release")

    @classmethod
    def a_gateway_of_the_next_release_comes_too_early(cls):
        replace("gateway-1", NEXT)
        wait_until("the issuers stop", lambda: len(stopped_partitions()) == PARTITIONS, 60)
        cls.stopped_at = system.next_offsets()
        cls.said = wait_until("they say why", lambda: [
            str(line) for issuer in ISSUERS for line in system.log_lines(issuer) if "RECORD_VERSION" in str(line)])
        cls.readiness = [system.call("GET", "/readyz", daemon=issuer) for issuer in ISSUERS]
        wait_until("requests are accepted all the same", cls.crowd.has_asked(100), 60)
        cls.still_at = system.next_offsets()
        cls.letters_meanwhile = system.sql("SELECT count(*) FROM dead_letter")

    @classmethod
    def roll_to_the_next_release(cls):
        for name in (*ISSUERS, "relay-1", "reconciler-1", "gateway-2"):
            replace(name, NEXT)
        cls.goes_on("everything of the next release")
        cls.audited_here = tool(ROOT, "audit", "--deep")

    def test_the_release_before_goes_on_beside_the_schemas_of_both_later_ones(self):
        for code, said in (self.migrated_here, self.migrated_next):
            self.assertEqual(code, 0, said)
        self.assertIn("9001_next", self.migrated_next[1])
        self.assertEqual({PARENT}, set(self.lived_through.values()))
        if not self.restarted_beside:
            print("the release before does not know runs-beside: it was not restarted beside the newer schema")

    def test_an_older_tool_does_not_migrate_a_newer_schema_and_says_so(self):
        for code, said in self.migrated_back:
            self.assertEqual(code, 1, said)
            self.assertIn("the schema is newer than this build: it has step 9001_next", said)

    def test_an_issuer_stops_before_a_record_of_a_newer_version_and_says_what_to_do(self):
        self.assertTrue(self.said)
        for words in ("version 3 of the format", "this build knows 2", "until a newer issuer runs", "docs/runbooks/decision-version.md"):
            self.assertIn(words, self.said[0])
        self.assertEqual(self.still_at, self.stopped_at, "nothing behind the record is decided")
        self.assertEqual(self.letters_meanwhile, [["0"]], "nothing is guessed")
        not_ready = [answer for answer in self.readiness if answer.status == 503]
        self.assertTrue(not_ready, self.readiness)
        self.assertIn("RECORD_VERSION", not_ready[0].body)

    def test_an_older_audit_says_that_a_newer_one_is_needed(self):
        code, said = self.audited_here
        self.assertNotEqual(code, 0)
        self.assertIn("has version 3 of the format, and this build knows 2: use a newer one", said)

    def test_nothing_is_lost_on_the_whole_way(self):
        self.assertEqual([receipt for receipt, answer in self.told.items() if not answer or '"status":"issued"' not in answer], [])
        wait_until("the other gateway tells the same", lambda: answers(system, self.kept, 2) == self.told, 60)
        coupons = int(system.sql("SELECT count(*) FROM coupon")[0][0])
        self.assertGreaterEqual(coupons, len(self.kept))
        self.assertLessEqual(coupons, len(self.kept) + self.crowd.refused + self.crowd.unreachable)

    def test_the_proof_is_clean(self):
        for arguments in (("audit",), ("audit", "--deep")):
            code, said = tool(NEXT, *arguments)
            self.assertEqual(code, 0, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
