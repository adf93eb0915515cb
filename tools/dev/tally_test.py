#!/usr/bin/env python3
"""What tally.py must count, and must not overlook."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tally  # noqa: E402

REPORT = '<testsuites tests="3" failures="{bad}" disabled="0" errors="0">{cases}</testsuites>'
CTEST = '<testsuite>{programs}</testsuite>'


class OfPrograms(unittest.TestCase):
    def count(self, reports, programs, status):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name, text in reports.items():
                (root / f"{name}.xml").write_text(text, encoding="utf-8")
            (root / "list").mkdir()
            listed = "".join(f'<testcase name="{name}" status="{state}"/>' for name, state in programs.items())
            (root / "list" / "ctest.xml").write_text(CTEST.format(programs=listed), encoding="utf-8")
            return tally.count_ctest(root, root / "list" / "ctest.xml", status)

    def test_cases_of_a_good_program(self):
        self.assertEqual((3, 0, 0), self.count({"a_unit_tests": REPORT.format(bad=0, cases="")}, {"a.unit": "run"}, 0))

    def test_a_failed_case_counts_once(self):
        self.assertEqual((2, 1, 0), self.count({"a_unit_tests": REPORT.format(bad=1, cases="")}, {"a.unit": "fail"}, 8))

    def test_a_skipped_case_is_not_passed(self):
        cases = "<testcase><skipped/></testcase>"
        self.assertEqual((2, 0, 1), self.count({"a_unit_tests": REPORT.format(bad=0, cases=cases)}, {"a.unit": "run"}, 0))

    def test_a_crash_without_a_report_is_a_failure(self):
        self.assertEqual((0, 1, 0), self.count({}, {"a.unit": "fail"}, 8))

    def test_a_crash_after_good_cases_is_a_failure(self):
        self.assertEqual((3, 1, 0), self.count({"a_unit_tests": REPORT.format(bad=0, cases="")}, {"a.unit": "fail"}, 8))

    def test_a_program_without_cases_is_one(self):
        self.assertEqual((1, 0, 0), self.count({}, {"core.purity": "run"}, 0))

    def test_a_bad_end_of_ctest_is_never_overlooked(self):
        self.assertEqual((3, 1, 0), self.count({"a_unit_tests": REPORT.format(bad=0, cases="")}, {"a.unit": "run"}, 8))


class OfText(unittest.TestCase):
    def test_unittest(self):
        self.assertEqual((5, 0, 0), tally.count_text("Ran 5 tests in 0.1s\n\nOK\n", 0))
        self.assertEqual((2, 2, 1), tally.count_text("Ran 5 tests in 1s\n\nFAILED (failures=1, errors=1, skipped=1)\n", 1))

    def test_a_last_line_of_its_own(self):
        self.assertEqual((8, 1, 0), tally.count_text("Ran 3 tests in 1s\n8 passed, 1 failed\n", 1))
        self.assertEqual((0, 0, 1), tally.count_text("0 passed, 0 failed, 1 skipped\n", 0))

    def test_a_bad_end_is_a_failure(self):
        self.assertEqual((0, 1, 0), tally.count_text("Traceback\n", 1))
        self.assertEqual((8, 1, 0), tally.count_text("8 passed, 0 failed\n", 1))


if __name__ == "__main__":
    unittest.main()
