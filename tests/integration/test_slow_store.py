"""A store in trouble: slow, too slow for its time-out, its connections taken by others, its disk full.

Each time the front stays up, nothing is lost, the daemons say what is wrong, and all goes on by itself.
"""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from greedy import Greedy
from slow_proxy import SlowProxy
from system import Failed, System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
DAEMONS = ("gateway-1", "issuer-1", "relay-1", "reconciler-1")
system = System(STATE, partitions=1)
mounted = []


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    try:
        if os.environ.get("OPENRUN_TEST_KEEP") != "1":
            system.down()
    finally:
        for folder in mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
            shutil.rmtree(folder.parent, ignore_errors=True)


def restart(name, environment=None):
    system.stop(name)
    system.start(name, environment)


def ready_reason(name):
    """What /readyz says, or nothing where it is ready."""
    answer = system.call("GET", "/readyz", daemon=name, timeout=5)
    return "" if answer.status == 200 else answer.json["detail"]


def all_ready():
    for name in DAEMONS:
        wait_until(f"{name} is ready", lambda n=name: ready_reason(n) == "", 40)


def troubles(name):
    """The causes for which the daemon says that the store does not serve it."""
    values = system.metrics(name)
    prefix = 'openrun_store_trouble{cause="'
    return {key[len(prefix):-2] for key, value in values.items() if key.startswith(prefix) and value == 1}


def issued(campaign):
    return int(system.sql(f"SELECT count(*) FROM coupon WHERE campaign_id = {campaign}")[0][0])


def told(name, text):
    return [line for line in system.log_lines(name) if text in str(line)]


def ask(campaign, users):
    """Everybody asks once, without waiting; returns receipts and the longest time that an answer took."""
    def one(user):
        began = time.monotonic()
        answer = system.request(campaign, user, patience=0)
        if answer.status != 202:
            raise Failed(f"{user}: {answer}")
        return answer.json["receipt"], time.monotonic() - began
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, users))
    return [receipt for receipt, _ in answers], max(seconds for _, seconds in answers)


def refused_for_now(answer):
    return answer.status == 503 and int(answer.headers["Retry-After"]) >= 1 and answer.json["code"] == "OVERLOADED"


class SlowStoreCase(unittest.TestCase):
    def setUp(self):
        all_ready()

    def assertFrontStaysUp(self, campaign, decided):
        """In mid-trouble: who was decided reads it, who asks is accepted, and the gateway stays where it is. Returns the receipts."""
        answer = system.status(decided, wait=0).json
        self.assertEqual((answer["status"], answer["coupon"]["sequence"]), ("issued", 1))
        receipts, longest = ask(campaign, [f"in-trouble-{i}" for i in range(100)])
        last = system.status(receipts[-1]).json
        self.assertEqual(last["status"], "waiting")
        self.assertEqual(ready_reason("gateway-1"), "")
        print(f"\n  in mid-trouble: 100 of 100 requests answered 202, each within {longest:.2f} s; the last at position {last['position']}; "
              f"a poll of a decided one: issued")
        return receipts

    def assertAllDecided(self, campaign, receipts, count):
        began = time.monotonic()
        # The relay's or the issuer's publication may come a moment after the commit.
        for receipt in receipts:
            answer = wait_until("decided", lambda r=receipt: (a := system.status(r, wait=10)).json.get("status") == "issued" and a, 60)
            self.assertEqual(answer.json["status"], "issued")
        self.assertEqual(issued(campaign), count)
        wait_until("the gateway has counted them", lambda: system.campaign(campaign)["issued"] == count)
        print(f"\n  {len(receipts)} of {len(receipts)} accepted are issued {time.monotonic() - began:.1f} s after the trouble's end, 0 lost")

    def assertOver(self):
        all_ready()
        for name in DAEMONS:
            # A daemon that asks seldom forgets a trouble that it did not meet again.
            wait_until(f"{name} has no trouble", lambda n=name: not troubles(n) - {"SLOW"}, 45)
        self.assertEqual(system.metrics("reconciler-1")["openrun_acknowledged_not_issued_total"], 0)
        system.audit()


class AnswersInSeconds(SlowStoreCase):
    def test_postgres_answers_in_seconds(self):
        proxy = SlowProxy(system.port("postgres"))
        self.addCleanup(proxy.close)
        url = {"OPENRUN_POSTGRES__URL": f"postgresql://openrun@127.0.0.1:{proxy.port}/openrun"}
        for name in DAEMONS:
            restart(name, url)
        try:
            all_ready()
            campaign = system.create(1000)
            self.assertEqual(system.request(campaign, "before", wait=30).status, 201)
            proxy.delay_seconds = 0.5
            before = issued(campaign)
            receipts, longest = ask(campaign, [f"slow-{i}" for i in range(200)])
            wait_until("the issuer says that the store is slow", lambda: "SLOW" in troubles("issuer-1"), 30)
            wait_until("its log says so", lambda: told("issuer-1", "Postgres is slow: a call took"))
            began = time.monotonic()
            wait_until("coupons are issued all the same", lambda: issued(campaign) == before + 200, 40)
            print(f"\n  200 requests accepted within {longest:.2f} s each while Postgres answered after 1 s; "
                  f"all issued {time.monotonic() - began:.1f} s later")
            self.assertEqual(ready_reason("issuer-1"), "", "a slow store is no reason to be taken out")
            proxy.delay_seconds = 0.0
            self.assertAllDecided(campaign, receipts, 201)
        finally:
            proxy.delay_seconds = 0.0
            for name in DAEMONS:
                restart(name)
        self.assertOver()

    def test_batches_that_are_too_slow_for_the_time_out_get_smaller_until_they_pass(self):
        campaign = system.create(1000)
        system.stop("issuer-1")
        # All in one batch: 300 rows of 20 ms are six times what a statement may take.
        receipts, _ = ask(campaign, [f"user-{i}" for i in range(300)])
        system.superuser("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$; "
                  "CREATE TRIGGER dawdle BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION dawdle()")
        try:
            system.start("issuer-1", {"OPENRUN_POSTGRES__STATEMENT_TIMEOUT_MS": "1000"})
            began = time.monotonic()
            wait_until("coupons are issued", lambda: issued(campaign) > 0, 40)
            limit = system.metrics("issuer-1")['openrun_issuer_batch_limit{partition="0"}']
            print(f"\n  the first coupons {time.monotonic() - began:.1f} s after the start, {limit:.0f} at once")
            self.assertLessEqual(limit, 50)
            self.assertTrue(told("issuer-1", "the store is too slow for a batch of this size"))
            self.assertTrue(told("issuer-1", "TIMED_OUT"))
        finally:
            system.superuser("DROP FUNCTION dawdle CASCADE")
        self.assertAllDecided(campaign, receipts, 300)
        restart("issuer-1")
        self.assertOver()


class ConnectionsTaken(SlowStoreCase):
    def test_somebody_else_takes_all_connections(self):
        campaign = system.create(1000)
        decided = system.receipt(campaign, "before", wait=30)
        backends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'openrun-issuer/%'"
        control = subprocess.Popen(
            ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(system.port("postgres")), "-U", "postgres", "-d", "openrun"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        control.stdin.write(b"SELECT 'connected';\n")
        control.stdin.flush()
        self.assertEqual(control.stdout.readline(), b"connected\n")
        greedy = Greedy(system.port("postgres"))
        try:
            self.assertTrue(greedy.refused.wait(30))
            # Who holds a connection goes on with it.
            self.assertEqual(system.request(campaign, "held", wait=30).status, 201)
            control.stdin.write(f"{backends};\n".encode())
            control.stdin.flush()
            wait_until("the issuer says so", lambda: "CONNECTIONS_EXHAUSTED" in troubles("issuer-1"), 30)
            wait_until("it says so to a probe", lambda: "too many clients (53300)" in ready_reason("issuer-1"))
            receipts = self.assertFrontStaysUp(campaign, decided)
            wait_until("its log says so", lambda: told("issuer-1", "CONNECTIONS_EXHAUSTED"))
        finally:
            greedy.close()
            control.communicate(timeout=10)
        self.assertAllDecided(campaign, receipts, 102)
        self.assertOver()


class Gone(SlowStoreCase):
    def test_postgres_is_gone(self):
        campaign = system.create(1000)
        decided = system.receipt(campaign, "before", wait=30)
        system.stop("postgres")
        try:
            receipts = self.assertFrontStaysUp(campaign, decided)
            # What only Postgres knows is refused for now, and never called unknown.
            unknown = system.request(2**31 - 1, "anybody", patience=0)
            self.assertTrue(refused_for_now(unknown), unknown)
            made = system.call("POST", "/v1/campaigns", {"name": "later", "stock": 1, "starts_at": "2020-01-01T00:00:00.000Z"}, admin=True)
            self.assertTrue(refused_for_now(made), made)
            for name in DAEMONS:
                wait_until(f"{name} says so", lambda n=name: "UNREACHABLE" in troubles(n), 30)
                wait_until(f"the log of {name} says so", lambda n=name: told(n, "UNREACHABLE"))
            for name in DAEMONS[1:]:
                wait_until(f"{name} says so to a probe", lambda n=name: "Postgres cannot be reached" in ready_reason(n))
            wait_until("the gateway is ready, and says so", lambda: ((shown := system.call("GET", "/readyz", daemon="gateway-1")).status, shown.json.get("store"))
                       == (200, "Postgres cannot be reached"))
            print("  a campaign that the gateway does not know and a new one: 503 with Retry-After")
        finally:
            system.start("postgres")
        self.assertAllDecided(campaign, receipts, 101)
        wait_until("the gateway knows again", lambda: system.request(2**31 - 1, "anybody", patience=0).status == 404, 20)
        self.assertOver()
        for name in DAEMONS:
            wait_until(f"{name} says that it is over", lambda n=name: told(n, "Postgres serves again"))


def small_disk(megabytes):
    """A file system of its own that the server's user may write to, or None where this machine forbids it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="openrun-small-disk-", dir="/var/tmp")) / "disk"
    folder.mkdir()
    folder.parent.chmod(0o755)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        shutil.rmtree(folder.parent)
        raise unittest.SkipTest(f"this machine mounts no small file system: {done.stdout.decode().strip()}")
    mounted.append(folder)
    subprocess.run(["chown", "postgres:", str(folder)], check=os.geteuid() == 0)
    return folder


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    filler.write(b"\0" * size)
            except OSError:
                continue


class SchemaComesLater(SlowStoreCase):
    def test_daemons_wait_for_a_schema_that_is_not_there_yet(self):
        system.superuser("CREATE DATABASE later OWNER openrun")
        later = system.environment["OPENRUN_DATABASE_URL"].rpartition("/")[0] + "/later"
        for name in ("issuer-1", "relay-1", "reconciler-1"):
            with self.subTest(daemon=name):
                restart(name, {"OPENRUN_POSTGRES__URL": later})
                try:
                    wait_until(f"{name} waits for the schema", lambda name=name: any(
                        line["message"] == "waiting for Postgres" and "no openrun schema" in line["error"] for line in system.log_lines(name)))
                    self.assertEqual(system.call("GET", "/livez", daemon=name).status, 200)
                    self.assertTrue(ready_reason(name))
                finally:
                    restart(name)
                wait_until(f"{name} is ready", lambda name=name: ready_reason(name) == "")
        system.superuser("DROP DATABASE later")


class DiskFull(SlowStoreCase):
    def test_a_the_tables_disk_is_full(self):
        disk = small_disk(8)
        (disk / "space").mkdir()
        subprocess.run(["chown", "postgres:", str(disk / "space")], check=os.geteuid() == 0)
        system.superuser(f"CREATE TABLESPACE small LOCATION '{disk / 'space'}'")
        system.superuser("ALTER TABLE coupon SET TABLESPACE small")
        try:
            campaign = system.create(5000)
            decided = system.receipt(campaign, "before", wait=30)
            fill(disk)
            # More than the table's free pages hold.
            receipts, _ = ask(campaign, [f"user-{i}" for i in range(400)])
            wait_until("the issuer says so", lambda: "DISK_FULL" in troubles("issuer-1"), 30)
            wait_until("it says so to a probe", lambda: "disk is full (53100)" in ready_reason("issuer-1"))
            more = self.assertFrontStaysUp(campaign, decided)
            wait_until("its log says so", lambda: told("issuer-1", "DISK_FULL"))
            self.assertIn("DISK_FULL", troubles("issuer-1"), "reads that succeed do not show that there is room")
            print(f"  {issued(campaign)} of 501 were issued before the disk was full")
            (disk / "filler").unlink()
            self.assertAllDecided(campaign, receipts + more, 501)
            self.assertOver()
        finally:
            (disk / "filler").unlink(missing_ok=True)
            system.superuser("ALTER TABLE coupon SET TABLESPACE pg_default")
            system.superuser("DROP TABLESPACE small")

    def test_b_the_logs_disk_is_full_and_the_server_panics(self):
        disk = small_disk(112)
        data = pathlib.Path(system.superuser("SHOW data_directory"))
        system.stop("postgres")
        shutil.move(str(data / "pg_wal"), str(disk / "pg_wal"))
        subprocess.run(["chown", "-R", "postgres:", str(disk / "pg_wal")], check=os.geteuid() == 0)
        (disk / "pg_wal").chmod(0o700)
        (data / "pg_wal").symlink_to(disk / "pg_wal")
        system.start("postgres")
        try:
            all_ready()
            campaign = system.create(5000)
            decided = system.receipt(campaign, "before", wait=30)
            fill(disk)
            receipts, _ = ask(campaign, [f"user-{i}" for i in range(100)])

            def panicked():
                # Each switch needs a new segment, and there is no room for one.
                system.superuser("SELECT pg_switch_wal(); CREATE TEMPORARY TABLE t AS SELECT 1", check=False)
                text = (system.state / "log" / "postgres.log").read_text(errors="replace")
                return "PANIC" in text and "No space left on device" in text
            wait_until("the server panics", panicked, 30)
            more = self.assertFrontStaysUp(campaign, decided)
            wait_until("the issuer says that the store is away", lambda: troubles("issuer-1") & {"UNREACHABLE", "STARTING", "DISK_FULL"}, 20)
            reason = ready_reason("issuer-1")
            self.assertIn("Postgres", reason)
            print(f"  the issuer says: {reason}")
        finally:
            (disk / "filler").unlink(missing_ok=True)
            # Recovery itself needs room: the server may have given up, and then it is started again.
            wait_until("Postgres runs again", lambda: (system.dev("start", "postgres", check=False), system.superuser("SELECT 1", check=False))[1] == "1", 40)
        self.assertAllDecided(campaign, receipts + more, 201)
        self.assertOver()


if __name__ == "__main__":
    unittest.main(verbosity=2)
