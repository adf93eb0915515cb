#!/usr/bin/env python3
"""What lanes.py must do with modules that pass, fail, die, wait for each other and are interrupted."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools" / "dev"))
import tally  # noqa: E402

SECONDS = 60
HEAD = "import os, pathlib, subprocess, time, unittest\n\n\nclass Case(unittest.TestCase):\n    def test_it(self):\n        "
GOOD = HEAD + "pass\n"
BAD = HEAD + "self.fail('as planted')\n"
DIES = HEAD + "os._exit(3)\n"
# Passes only where the other runs at the same time.
MEETS = HEAD + f"""pathlib.Path("{{mine}}").touch()
        deadline = time.monotonic() + {SECONDS}
        while not pathlib.Path("{{other}}").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
"""
WAITS = HEAD + """child = subprocess.Popen(["sleep", "600"])
        pathlib.Path("pid.new").write_text(str(child.pid))
        pathlib.Path("pid.new").rename("pid")
        child.wait()
"""


def until(check):
    deadline = time.monotonic() + SECONDS
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {SECONDS} s")
        time.sleep(0.01)


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Lanes(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def begin(self, modules, lanes=2, names=()):
        for name, text in modules.items():
            (self.folder / f"{name}.py").write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(HERE / "lanes.py"), *(names or modules)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, OPENRUN_TEST_LANES=str(lanes), OPENRUN_TEST_STATE=str(self.folder / "state")))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def run_all(self, modules, **more):
        process = self.begin(modules, **more)
        text = process.communicate(timeout=SECONDS)[0]
        return process.returncode, text, tally.count_text(text, process.returncode)

    def test_the_count_is_the_sum_of_all_modules(self):
        status, text, counts = self.run_all({"a": GOOD, "b": GOOD, "c": GOOD})
        self.assertEqual((0, (3, 0, 0)), (status, counts), text)

    def test_every_failure_is_told_at_the_end_and_hides_no_other(self):
        status, text, counts = self.run_all({"a": BAD, "b": GOOD, "c": BAD})
        self.assertEqual((1, (1, 2, 0)), (status, counts), text)
        self.assertIn("==== failed: FAIL: test_it (a.Case.test_it)", text)
        self.assertIn("==== failed: FAIL: test_it (c.Case.test_it)", text)
        self.assertIn("as planted", text)

    def test_a_module_that_dies_is_a_failure_also_beside_one_that_fails(self):
        status, text, counts = self.run_all({"a": DIES, "b": BAD, "c": GOOD})
        self.assertEqual((1, (1, 2, 0)), (status, counts), text)
        self.assertIn("==== failed: ERROR: a ended with 3", text)

    def test_a_module_that_is_not_there_is_a_failure(self):
        status, text, counts = self.run_all({"a": GOOD}, names=["a", "nowhere"])
        self.assertEqual((1, (1, 1, 0)), (status, counts), text)

    def test_two_modules_run_at_the_same_time(self):
        status, text, counts = self.run_all({"a": MEETS.format(mine="a", other="b"), "b": MEETS.format(mine="b", other="a")})
        self.assertEqual((0, (2, 0, 0)), (status, counts), text)

    def test_no_two_modules_share_a_directory(self):
        tells = HEAD + "print('state', os.environ['OPENRUN_TEST_STATE'])\n"
        _, text, _ = self.run_all({"test_a_thing": tells, "test_b": tells})
        self.assertIn(f"state {self.folder / 'state'}-a-thing\n", text)
        self.assertIn(f"state {self.folder / 'state'}-b\n", text)

    def test_names_of_one_module_share_a_process(self):
        twice = GOOD + "\n\nclass Other(Case):\n    pass\n"
        status, text, counts = self.run_all({"a": twice}, names=["a.Case", "a.Other"])
        self.assertEqual((0, (2, 0, 0)), (status, counts), text)
        self.assertEqual(1, text.count("==== a, "), text)

    def test_an_interruption_ends_all_that_was_begun(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                (self.folder / "pid").unlink(missing_ok=True)
                process = self.begin({"a": WAITS, "b": GOOD}, lanes=1)
                until((self.folder / "pid").exists)
                pid = int((self.folder / "pid").read_text(encoding="ascii"))
                self.assertTrue(alive(pid))
                process.send_signal(number)
                text = process.communicate(timeout=SECONDS)[0]
                self.assertEqual(128 + number, process.returncode, text)
                until(lambda: not alive(pid))
                self.assertNotIn("==== b", text, "what had not begun is not begun any more")


if __name__ == "__main__":
    unittest.main()
