#!/usr/bin/env python3
"""The style of the house, as a test. Prints one line a finding and exits with 1 where there is one.

    style.py [ROOT]

Each rule says what to do instead. A line that has a good reason to break one says so beside it:

    // style: allow sleep, the kernel offers no event for this
"""

import os
import pathlib
import re
import sys
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cpp_text  # noqa: E402
import docs_rules  # noqa: E402

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

SKIPPED_DIRECTORIES = {".git", "build", ".openrun", ".cache", "__pycache__", "node_modules"}
CPP = (".cpp", ".hpp")
SCRIPTS = (".sh", ".py")
LIMITED = CPP + SCRIPTS + (".sql",)

# The rules speak of what they forbid, and their test plants it.
SELF = ("tools/lint/style.py", "tools/lint/style_test.py", "tools/lint/docs_rules.py")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def is_test(path):
    """Also what tests share: fixtures, and everything in a folder `testing`."""
    return path.startswith("tests/") or re.search(
        r"_(test|pgtest|kafkatest)\.cpp$|(_fixture|/testing)\.[ch]pp$|/test_\w+\.[ch]pp$|/testing/", path) is not None


def under(path, *rooms):
    return any(path.startswith(room) for room in rooms)


@dataclass(frozen=True)
class Banned:
    rule: str
    pattern: re.Pattern
    instead: str
    applies: object  # path -> bool


def banned(rule, pattern, instead, applies=lambda path: True):
    return Banned(rule, re.compile(pattern), instead, applies)


ADAPTERS = ("libs/kafka/", "libs/postgres/", "libs/http/", "libs/config/", "libs/telemetry/")

BANNED_IN_CPP = [
    banned("sleep", r"\bsleep_(for|until)\s*\(|\b(u|nano)?sleep\s*\(",
           "wait for the event itself, with a deadline: BoundedQueue::pop_for, condition_variable::wait_for, StopSignal::wait_for",
           lambda path: not under(path, "loadtest/")),
    banned("console", r"\bstd::(cout|cerr|clog)\b|(?<![\w.])printf\s*\(",
           "log through ports::Logger; only the command line tools print",
           lambda path: not under(path, "services/cli/", "libs/config/", "loadtest/") and not is_test(path)
           # Before there is a logger, and after there was one.
           and not re.fullmatch(r"services/\w+/main\.cpp", path)),
    banned("rand", r"(?<![\w.>])s?rand\s*\(|\bstd::(mt19937|random_device|default_random_engine)\b",
           "crypto::random_u32 or crypto::random_bytes; a seeded generator of the test in tests",
           lambda path: not is_test(path) and not under(path, "libs/sim/")),
    banned("using-std", r"\busing\s+namespace\s+std\s*;", "name what is used: std::string"),
    banned("getenv", r"(?<!\w)(std::|secure_)?getenv\s*\(",
           "make it a key of the configuration (libs/config): the environment overrides those already",
           lambda path: not under(path, "libs/config/") and not is_test(path)),
    banned("system-call", r"(?<![\w.:>])(std::)?system\s*\(|\bpopen\s*\(", "call a library; a shell has no place in a daemon",
           lambda path: not is_test(path)),
]

BANNED_IN_SCRIPTS = [
    banned("kill-by-name", r"\bpkill\b|\bkillall\b", "kill by a pid that you started (run/NAME.pid)"),
]

BANNED_IN_TEXT = [
    banned("leftover", r"\b(TODO|FIXME|XXX|HACK)\b", "do it, or write it into docs/roadmap.md"),
    banned("machine-path", r"(?<![\w.~}])/(work|root)/", "paths are relative to the repository, or come from the configuration"),
]

# First part of an include -> the rooms that may name it (the same as OPENRUN_THIRD_PARTY_ROOMS in cmake/, seen from the sources).
THIRD_PARTY = [
    (re.compile(r"pqxx/|libpq(-fe|/)|postgres_ext"), ("libs/postgres/", "loadtest/bench/", "loadtest/peers/")),
    (re.compile(r"benchmark/"), ("loadtest/bench/",)),
    (re.compile(r"hiredis/"), ("loadtest/peers/",)),
    (re.compile(r"librdkafka/|rdkafka"), ("libs/kafka/", "loadtest/bench/")),
    (re.compile(r"boost/"), ("libs/http/", "loadtest/")),
    (re.compile(r"spdlog/|fmt/|prometheus/"), ("libs/telemetry/",)),
    (re.compile(r"yaml-cpp/"), ("libs/config/",)),
    (re.compile(r"openssl/"), ("libs/crypto/", "libs/http/", "libs/kafka/")),
    (re.compile(r"google/protobuf/|.*\.pb\.h$"), ("libs/wire/", "proto/", "tests/", "services/gateway/connect/",
                                                "services/gateway/dialects/")),
    (re.compile(r"zlib"), ("libs/wire/", "tests/")),
    (re.compile(r"simdjson"), ("libs/wire/",)),
    (re.compile(r"CLI/"), ("services/cli/", "loadtest/")),
    (re.compile(r"curl/"), ("services/cli/", "loadtest/", "libs/telemetry/", "tests/")),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
TIER_3 = re.compile(r"openrun/(kafka|postgres|http|config|telemetry|runtime|sim|wiring)/")
ALLOW = re.compile(r"style: allow ([a-z-]+), \S+")


def allowed(raw_line, rule):
    match = ALLOW.search(raw_line)
    return match is not None and match.group(1) == rule


def check_banned(path, raw, code, rules):
    for number, line in enumerate(code, 1):
        for rule in rules:
            if rule.pattern.search(line) and rule.applies(path) and not allowed(raw[number - 1], rule.rule):
                yield Finding(path, number, rule.rule, rule.instead)


def check_lengths(path, raw, code):
    if len(raw) > FILE_LINES_MAX:
        yield Finding(path, FILE_LINES_MAX + 1, "file-length", f"{len(raw)} lines; split it by concern, {FILE_LINES_MAX} at most")
    for function in cpp_text.functions(code) if path.endswith(CPP) else []:
        if function.lines > FUNCTION_LINES_MAX and not allowed(raw[function.first - 1], "function-length"):
            yield Finding(path, function.first, "function-length",
                          f"{function.name} has {function.lines} lines; {FUNCTION_LINES_MAX} at most: give a part of it a name")


def check_catch_all(path, raw, code):
    """`catch (...)` is for the adapters that wrap a throwing library; elsewhere it hides bugs unless it throws again."""
    if under(path, *ADAPTERS) or is_test(path):
        return
    for block in cpp_text.catch_alls(code):
        again = re.search(r"\bthrow\s*;|rethrow_exception|current_exception|assertion_failed|std::(abort|terminate)", block.text)
        if not again and not allowed(raw[block.line - 1], "catch-all"):
            yield Finding(path, block.line, "catch-all", "catch what you can handle, or throw again; a bug must be seen")


def check_core_order(path, raw, code):
    """The order of an unordered container is no function of the log."""
    if not under(path, "libs/issuance/"):
        return
    text = "\n".join(code)
    names = set(re.findall(r"unordered_\w+\s*<[^;{}]*>\s+(\w+)\s*[;{=]", text))
    for number, line in enumerate(code, 1):
        loop = re.search(r"\bfor\s*\(.*:\s*(?:\w+(?:\.|->))*(\w+)\s*\)", line)
        walk = re.search(r"\b(\w+)\.c?begin\s*\(", line)
        for match in (loop, walk):
            if match and match.group(1) in names and not allowed(raw[number - 1], "core-order"):
                yield Finding(path, number, "core-order", "iterate over a std::map or a sorted vector: decisions must repeat")


def check_includes(path, raw, main_sources):
    for number, line in enumerate(raw, 1):
        match = INCLUDE.match(line)
        if not match or allowed(line, "include"):
            continue
        header = match.group(1)
        for pattern, rooms in THIRD_PARTY:
            if pattern.match(header) and not under(path, *rooms):
                yield Finding(path, number, "third-party", f"<{header}> belongs to {', '.join(rooms)}; use that library's interface")
        in_service = under(path, "services/") and not is_test(path) and path not in main_sources
        if in_service and TIER_3.match(header):
            yield Finding(path, number, "tier", f"only main.cpp names tier 3; take a port (libs/ports) instead of <{header}>")
        if under(path, "libs/issuance/") and not is_test(path) and "/" in header \
                and not re.match(r"openrun/(base|issuance)/", header):
            yield Finding(path, number, "pure-core", f"the core includes the standard library and base only, not <{header}>")


def main_sources_of(root):
    """The files of services that wire adapters: main.cpp, and what a CMakeLists.txt names in MAIN_SOURCES."""
    found = set()
    for lists in sorted((root / "services").glob("*/CMakeLists.txt")):
        room = f"services/{lists.parent.name}/"
        found.add(room + "main.cpp")
        text = lists.read_text(encoding="utf-8")
        for block in re.findall(r"\b(?:MAIN|MAIN_SOURCES)\s+((?:[\w/.-]+\.[ch]pp\s*)+)", text):
            for name in block.split():
                found.update({room + name, room + re.sub(r"\.cpp$", ".hpp", name)})
    return found


def text_files(root):
    for directory, subdirectories, names in os.walk(root):
        subdirectories[:] = sorted(d for d in subdirectories if d not in SKIPPED_DIRECTORIES)
        for name in sorted(names):
            path = pathlib.Path(directory) / name
            relative = path.relative_to(root).as_posix()
            if path.is_symlink() or path.stat().st_size > 1_000_000:
                continue
            try:
                yield relative, path.read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):
                continue


def check_file(path, text, main_sources):
    raw = text.split("\n")
    if raw and raw[-1] == "":
        raw.pop()
    if path in SELF:
        return
    yield from check_banned(path, raw, raw, BANNED_IN_TEXT)
    is_script = path.endswith(SCRIPTS) or text.startswith("#!")
    if is_script:
        yield from check_banned(path, raw, raw, BANNED_IN_SCRIPTS)
    if path.endswith(LIMITED) or is_script:
        code = cpp_text.without_comments(raw) if path.endswith(CPP) else raw
        yield from check_lengths(path, raw, code)
    if path.endswith(CPP):
        yield from check_banned(path, raw, code, BANNED_IN_CPP)
        yield from check_catch_all(path, raw, code)
        yield from check_core_order(path, raw, code)
        yield from check_includes(path, raw, main_sources)


def findings(root):
    root = pathlib.Path(root)
    main_sources = main_sources_of(root)
    files = dict(text_files(root))
    for path, text in files.items():
        yield from check_file(path, text, main_sources)
    for path, line, rule, message in docs_rules.check(root, files):
        yield Finding(path, line, rule, message)


def main(arguments):
    root = arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2]
    count = 0
    for finding in findings(root):
        print(finding)
        count += 1
    if count:
        print(f"{count} findings", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
