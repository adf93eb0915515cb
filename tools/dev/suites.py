"""Names the ctest entries of a label and the targets that they need: one line each, "NAME TARGET...".

  suites.py BUILD_DIRECTORY LABEL

ctest itself can't tell before the programs are built, so this reads what CMake has written for it.
"""

import pathlib
import re
import sys

ADD_TEST = re.compile(r'^add_test\((\S+) (.*)\)$')
PROPERTIES = re.compile(r'^set_tests_properties\((\S+) PROPERTIES (.*)\)$')

QUOTES = '"[=]'


def targets_of(command, build):
    """What of the command line is made by the build: test programs and archives."""
    for word in re.findall(r'"([^"]*)"', command):
        path = pathlib.Path(word)
        if path.is_relative_to(build):
            yield re.sub(r"^lib(.*)\.a$", r"\1", path.name)


def suites(build, label):
    commands, labels = {}, {}
    for listing in sorted(build.rglob("CTestTestfile.cmake")):
        for line in listing.read_text(encoding="utf-8").splitlines():
            if match := ADD_TEST.match(line):
                commands[match.group(1).strip(QUOTES)] = list(targets_of(match.group(2), build))
            elif match := PROPERTIES.match(line):
                found = re.search(r'\bLABELS "([^"]*)"', match.group(2))
                if found:
                    labels[match.group(1).strip(QUOTES)] = found.group(1).split(";")
    return {name: targets for name, targets in commands.items() if label in labels.get(name, [])}


def main(arguments):
    for name, targets in suites(pathlib.Path(arguments[0]).resolve(), arguments[1]).items():
        print(name, *targets)


if __name__ == "__main__":
    main(sys.argv[1:])
