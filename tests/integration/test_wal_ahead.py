"""config/postgres/wal-ahead.sql: a new segment of WAL is made within a commit, unless it is there."""

import os
import subprocess
import unittest

from system import ROOT, System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
KEPT = 9  # segments of 16 MiB, by min_wal_size
system = System(STATE, partitions=1)


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def superuser(*arguments):
    done = subprocess.run(["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(system.port("postgres")), "-U", "postgres", "-d", "openrun", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=True)
    return done.stdout.decode().strip()


def current_segment():
    return superuser("-c", "SELECT pg_walfile_name(pg_current_wal_lsn())")


class WalAhead(unittest.TestCase):
    def test_there_are_as_many_segments_as_are_kept_and_a_second_time_makes_none(self):
        superuser("-c", f"ALTER SYSTEM SET min_wal_size = '{KEPT * 16}MB'", "-c", "SELECT pg_reload_conf()")
        wait_until("the setting counts", lambda: superuser("-c", "SELECT pg_size_bytes(current_setting('min_wal_size'))") == str(KEPT << 24))
        script = ("-f", str(ROOT / "config" / "postgres" / "wal-ahead.sql"))
        said = superuser(*script)
        self.assertRegex(said, r"^\d+ segments of 16MB are ready\.$")
        self.assertGreaterEqual(int(said.split()[0]), KEPT - 1)
        at = current_segment()
        superuser(*script)
        self.assertEqual(current_segment(), at)


if __name__ == "__main__":
    unittest.main(verbosity=2)
