"""Counts the cases of a test program: prints "PASSED FAILED SKIPPED".

  tally.py ctest DIRECTORY CTEST_XML STATUS   GoogleTest's reports in DIRECTORY, and ctest's own list of programs
  tally.py text LOG STATUS                    the output of a program: unittest's summaries, or "N passed, N failed[, N skipped]"

A program that ends badly without naming a failed case (a crash, a time-out) counts as one failure; one that ends well without a
report counts as one pass.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as xml


def count_ctest(directory, ctest_xml, status):
    passed = failed = skipped = 0
    reported, failed_programs = set(), set()
    for report in sorted(pathlib.Path(directory).glob("*.xml")):
        try:
            root = xml.parse(report).getroot()
        except xml.ParseError:
            continue
        bad = int(root.get("failures", 0)) + int(root.get("errors", 0))
        skipped_here = sum(1 for case in root.iter("testcase") if case.find("skipped") is not None)
        skipped_here += int(root.get("disabled", 0))
        reported.add(report.stem)
        passed += int(root.get("tests", 0)) - bad - skipped_here
        failed += bad
        skipped += skipped_here
        if bad:
            failed_programs.add(report.stem)
    try:
        programs = xml.parse(ctest_xml).getroot().iter("testcase")
    except (OSError, xml.ParseError):
        return passed, failed + 1, skipped
    for program in programs:
        target = program.get("name", "").replace(".", "_") + "_tests"
        if program.get("status") == "fail" and target not in failed_programs:
            failed += 1
        elif program.get("status") == "run" and target not in reported:
            passed += 1
    if status and not failed:
        failed = 1
    return passed, failed, skipped


def count_text(text, status):
    """A program's own summary where it prints one, else the sum of unittest's."""
    own = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.MULTILINE)
    passed = failed = skipped = 0
    if own:
        passed, failed, skipped = (int(number or 0) for number in own[-1])
    else:
        for ran in re.findall(r"^Ran (\d+) tests? in ", text, re.MULTILINE):
            passed += int(ran)
        for verdict in re.findall(r"^(?:FAILED|OK) \((.*)\)$", text, re.MULTILINE):
            numbers = {key.strip(): int(value) for key, value in re.findall(r"([a-z ]+)=(\d+)", verdict)}
            bad = numbers.get("failures", 0) + numbers.get("errors", 0)
            failed += bad
            skipped += numbers.get("skipped", 0)
            passed -= bad + numbers.get("skipped", 0)
    if status and not failed:
        failed = 1
    if not status and not own and passed + skipped + failed == 0:
        passed = 1
    return max(passed, 0), failed, skipped


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "ctest":
        counts = count_ctest(arguments[1], arguments[2], int(arguments[3]))
    elif len(arguments) == 3 and arguments[0] == "text":
        text = pathlib.Path(arguments[1]).read_text(encoding="utf-8", errors="replace")
        counts = count_text(text, int(arguments[2]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print(*counts)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
