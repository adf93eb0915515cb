"""Rules of the documents: links lead somewhere, the edge cases name tests that exist, and every metric is explained."""

import posixpath
import re
import urllib.parse

LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^\s*(```|~~~)")
GOOGLE_TEST = re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
PYTHON_TEST = re.compile(r"^\s+(?:async )?def (test_\w+)\(", re.MULTILINE)
NAMED_TEST = re.compile(r"`(?:([A-Z]\w+\.[A-Z]\w+)|(test_\w+))`")


def prose_lines(text):
    """Lines outside of fenced code, with their numbers."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(text):
    """GitHub's anchors of a document's headings."""
    found = set()
    for _, line in prose_lines(text):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if not heading:
            continue
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        name, copy = slug, 0
        while name in found:
            copy += 1
            name = f"{slug}-{copy}"
        found.add(name)
    return found


def check_links(root, files):
    for path, text in files.items():
        if not path.endswith(".md"):
            continue
        for number, line in prose_lines(text):
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                name, _, anchor = urllib.parse.unquote(target).partition("#")
                leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
                if not (root / leads_to).exists():
                    yield path, number, "dead-link", f"{target} leads nowhere"
                elif anchor and leads_to.endswith(".md") and anchor not in anchors(files.get(leads_to, "")):
                    yield path, number, "dead-link", f"{leads_to} has no heading #{anchor}"


def tests_of(files):
    names = set()
    for path, text in files.items():
        if path.endswith(".cpp"):
            names.update(f"{suite}.{name}" for suite, name in GOOGLE_TEST.findall(text))
        elif path.startswith("tests/") and path.endswith(".py"):
            names.update(PYTHON_TEST.findall(text))
    return names


def check_edge_cases(files):
    """Every row of the tables in docs/edge-cases.md names at least one test, and every test named there exists. In SECURITY.md
    the same holds of the table of attacks."""
    known = tests_of(files)
    for path in ("docs/edge-cases.md", "SECURITY.md"):
        in_table = path != "SECURITY.md"
        for number, line in prose_lines(files.get(path, "")):
            named = [first or second for first, second in NAMED_TEST.findall(line)]
            for name in named:
                if name not in known:
                    yield path, number, "edge-case", f"there is no test {name}"
            if path == "SECURITY.md" and re.match(r"## |\| attack", line):
                in_table = line.startswith("| attack")
            is_title = line.startswith(("| case", "| attack", "| **"))
            is_row = in_table and line.startswith("|") and not re.match(r"\|[\s:|-]+$", line) and not is_title
            if is_row and not named:
                yield path, number, "edge-case", "this case names no test that shows it"


MAKES_METRICS = re.compile(r"(services|libs/kafka|libs/postgres|libs/stream|libs/telemetry)/(?!.*(/testing/|/test_|test\.)).*\.[ch]pp$")
METRIC_IN_SOURCE = re.compile(r"\"(openrun_[a-z_]+)\"")
METRIC_IN_TEXT = re.compile(r"`(openrun_[a-z_]+)")


def check_metrics(files):
    """docs/metrics.md names every metric of the sources, and none that is gone."""
    path = "docs/metrics.md"
    if path not in files:
        return
    made = {}
    for source, text in files.items():
        if MAKES_METRICS.match(source):
            for number, line in enumerate(text.split("\n"), 1):
                for name in METRIC_IN_SOURCE.findall(line):
                    made.setdefault(name, (source, number))
    told = {}
    for number, line in prose_lines(files[path]):
        for name in METRIC_IN_TEXT.findall(line):
            told.setdefault(name, number)
    for name, (source, number) in sorted(made.items()):
        if name not in told:
            yield source, number, "metric", f"{path} does not explain {name}"
    for name, number in told.items():
        if name not in made:
            yield path, number, "metric", f"no source has {name}"


def check(root, files):
    yield from check_links(root, files)
    yield from check_metrics(files)
    yield from check_edge_cases(files)
