"""config/postgres/wal-ahead.sql: a new segment of WAL is made within a commit, unless it is there."""

import os
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


def current_segment():
    return system.superuser("SELECT pg_walfile_name(pg_current_wal_lsn())")


class WalAhead(unittest.TestCase):
    def test_there_are_as_many_segments_as_are_kept_and_a_second_time_makes_none(self):
        system.superuser(f"ALTER SYSTEM SET min_wal_size = '{KEPT * 16}MB'")
        system.superuser("SELECT pg_reload_conf()")
        wait_until("the setting counts", lambda: system.superuser("SELECT pg_size_bytes(current_setting('min_wal_size'))") == str(KEPT << 24))
        script = ROOT / "config" / "postgres" / "wal-ahead.sql"
        said = system.superuser(file=script)
        self.assertRegex(said, r"^\d+ segments of 16MB are ready\.$")
        self.assertGreaterEqual(int(said.split()[0]), KEPT - 1)
        at = current_segment()
        system.superuser(file=script)
        self.assertEqual(current_segment(), at)


if __name__ == "__main__":
    unittest.main(verbosity=2)
