#!/usr/bin/env python3
"""Shows that the simulator finds planted bugs. Each patch in mutants/ breaks production code in a few lines; the simulator is built
with it and must fail within the seeds on which the unbroken tree stays green.

    mutants.py [--seeds N] [--jobs N] [--state DIRECTORY] [--markdown FILE] [NAME...]
    mutants.py --check

NAME is a part of a patch's name; none: all. FILE is a page (docs/internals/planted-bugs.md) whose table is made anew. --check only
looks whether every patch still applies. The last line is "N passed, N failed"; exits with 1 where a planted bug survives, a patch
does not apply, or the unbroken tree fails.

The sources are copied to DIRECTORY/tree (.openrun/mutants) and broken there, one bug at a time. The copy stays, so that only what a patch
touches is compiled again.
"""

import argparse
import fcntl
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = pathlib.Path(__file__).resolve().parent / "mutants"
# What the build needs; everything else would only be copied.
SOURCES = ("CMakeLists.txt", "CMakePresets.json", "cmake", "config", "libs", "loadtest", "proto", "services", "tests", "tools")
BUILD_S_MAX = 900
RUN_S_MAX = 600
# How the simulator names a seed that failed, and why.
FAILED_SEED = re.compile(r"^failed: seed (\d+): (.+)", re.MULTILINE)
ASSERTION = re.compile(r'"message":"broken invariant: ([^"]+)"')
RECEIPT = re.compile(r"\bAQ[\w-]{40,}")
TABLE_HEADING = "## What was found, and by which seed\n"
# So much memory a build or the parent of a run may take; the simulator bounds the processes that play.
MEMORY_BYTES_MAX = 6_000_000_000


@dataclass(frozen=True)
class Mutant:
    path: pathlib.Path
    broken: str
    files: tuple

    @property
    def name(self):
        return self.path.stem


def read_mutant(path):
    head, _, body = path.read_text(encoding="utf-8").partition("\n--- ")
    broken = re.match(r"Broken: (.+?)\s*\Z", head, re.DOTALL)
    if not broken:
        raise SystemExit(f"{path}: begin with \"Broken: what\", before the patch itself")
    return Mutant(path, " ".join(broken[1].split()), tuple(re.findall(r"^\+\+\+ b/(\S+)", body, re.MULTILINE)))


def read_mutants(names):
    mutants = [read_mutant(path) for path in sorted(PATCHES.glob("*.patch"))]
    unknown = [name for name in names if not any(name in mutant.name for mutant in mutants)]
    if unknown:
        raise SystemExit(f"no patch in {PATCHES} is named {unknown[0]}")
    return [mutant for mutant in mutants if not names or any(name in mutant.name for name in names)]


def patch(directory, mutant, *options):
    """Without fuzz: a patch whose surroundings have changed may break something else than it says."""
    command = ["patch", "-p1", "-F0", "-s", "-N", "-r", "-", "--no-backup-if-mismatch", "-d", directory, "-i", mutant.path, *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def check(mutants):
    failed = 0
    for mutant in mutants:
        applies, output = patch(ROOT, mutant, "--dry-run")
        if not applies:
            failed += 1
            print(f"{mutant.name} does not apply any more: make it anew\n{output}")
    print(f"{len(mutants) - failed} passed, {failed} failed")
    return 1 if failed else 0


class Tree:
    """A copy of the sources with a build of its own."""

    def __init__(self, state, preset, jobs):
        self.directory = state / "tree"
        self.preset = preset
        self.jobs = jobs
        self.log = state / "build.log"
        self.binary = self.directory / "build" / preset / "bin" / "openrun-sim"
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(self.directory), "CCACHE_NOHASHDIR": "1", "CCACHE_DEPEND": "1"}

    def copy_file(self, name):
        source, target = ROOT / name, self.directory / name
        content = source.read_bytes()
        # What has not changed keeps its time, so that it is not compiled again.
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            shutil.copymode(source, target)

    def copy(self):
        wanted = set()
        for name in SOURCES:
            files = [ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*")
            wanted |= {str(path.relative_to(ROOT)) for path in files if path.is_file() and "__pycache__" not in path.parts}
        for name in wanted:
            self.copy_file(name)
        build = self.directory / "build"
        for path in list(self.directory.rglob("*")):
            if build not in path.parents and path.is_file() and str(path.relative_to(self.directory)) not in wanted:
                path.unlink()

    def build(self):
        """Empty where all went well, else the end of the output."""
        build = self.directory / "build" / self.preset
        commands = [["ninja", "-C", build, "-j", str(self.jobs), "openrun-sim"]]
        if not (build / "build.ninja").is_file():
            commands.insert(0, ["cmake", "--preset", self.preset])
        for command in commands:
            with self.log.open("w", encoding="utf-8") as log:
                done = subprocess.run(command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                      stderr=subprocess.STDOUT, timeout=BUILD_S_MAX, check=False)
            if done.returncode:
                return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
        return ""


@dataclass(frozen=True)
class Verdict:
    seed: int = 0
    invariant: str = ""
    fault: str = ""  # why there is no verdict
    build_s: float = 0
    run_s: float = 0

    @property
    def caught(self):
        return self.seed > 0


def finding(what, output):
    """In a few words: which invariant, not whose receipt."""
    assertion = ASSERTION.search(output)
    if what.startswith("its process died") and assertion:
        return f"asserted: {assertion[1]}"
    return RECEIPT.sub("(a receipt)", what.split(". Nothing is decided")[0].split(" and everything below")[0])


def simulate(tree, seeds, log, known=frozenset()):
    """`known`: seeds that fail without a planted bug; they prove nothing about one."""
    command = [tree.binary, "--seeds", f"1-{seeds}", "--jobs", str(tree.jobs), "--failures", str(len(known) + 1 if known else 1)]
    begun = time.monotonic()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_S_MAX,
                              text=True, errors="replace", check=False)
    except subprocess.TimeoutExpired:
        return Verdict(fault=f"no verdict within {RUN_S_MAX} s")
    log.write_text(done.stdout, encoding="utf-8")
    run_s = time.monotonic() - begun
    failed = [(int(seed), what) for seed, what in FAILED_SEED.findall(done.stdout) if int(seed) not in known]
    if failed:
        seed, what = min(failed)
        return Verdict(seed=seed, invariant=finding(what, done.stdout), run_s=run_s)
    # A campaign that never met some situation ends with 1 too.
    if done.returncode > 1:
        return Verdict(fault=f"ended with {done.returncode} and named no seed, see {log}", run_s=run_s)
    return Verdict(run_s=run_s)


def failing_seeds(tree, seeds):
    command = [tree.binary, "--seeds", f"1-{seeds}", "--jobs", str(tree.jobs), "--failures", str(seeds)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_S_MAX,
                          text=True, errors="replace", check=False)
    return frozenset(int(seed) for seed, _ in FAILED_SEED.findall(done.stdout))


def prove(tree, mutant, seeds, known):
    applied, output = patch(tree.directory, mutant)
    try:
        if not applied:
            return Verdict(fault="does not apply any more: make it anew\n" + output)
        begun = time.monotonic()
        fault = tree.build()
        build_s = time.monotonic() - begun
        if fault:
            return Verdict(fault="does not compile:\n" + fault)
        verdict = simulate(tree, seeds, tree.directory.parent / f"{mutant.name}.log", known)
        return Verdict(verdict.seed, verdict.invariant, verdict.fault, build_s, verdict.run_s)
    finally:
        for name in mutant.files:
            tree.copy_file(name)


def line(name, verdict, seeds):
    if verdict.caught:
        found = f"seed {verdict.seed:4d}  {verdict.invariant}"
    else:
        found = "FAILED: " + (verdict.fault or f"survived {seeds} seeds")
    return f"{name:44s} {verdict.build_s:4.0f} s build {verdict.run_s:5.1f} s run  {found}"


def in_cell(text):
    return text.replace("|", "\\|")


def write_markdown(path, rows, seeds):
    """Into a page that has the heading: between it and the next one. Otherwise the file is nothing but the table."""
    needed = [verdict.seed for _, verdict in rows if verdict.caught]
    found = f"{len(needed)} of {len(rows)} planted bugs were found within {seeds:,} seeds"
    found += f", the median by seed {statistics.median(needed):g}, the last by seed {max(needed)}." if needed else "."
    lines = [found, "", "| planted bug | what is broken | first failing seed | found by |", "|---|---|---:|---|"]
    for mutant, verdict in rows:
        found = f"{verdict.seed} | {in_cell(verdict.invariant)}" if verdict.caught else "– | **not found**"
        lines.append(f"| `{mutant.name}` | {in_cell(mutant.broken)} | {found} |")
    table = "\n".join(lines) + "\n"
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, heading, after = page.partition(TABLE_HEADING)
    if heading:
        _, next_heading, rest = after.partition("\n## ")
        table = before + heading + "\n" + table + next_heading + rest
    path.write_text(table, encoding="utf-8")


def run(options):
    mutants = read_mutants(options.names)
    options.state.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    # Held until the end: two at once would break each other's tree.
    lock = (options.state / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SystemExit(f"another run is at work in {options.state}") from error
    tree = Tree(options.state, options.preset, options.jobs)
    tree.copy()
    # A run that was ended half-way may have left objects of broken sources that look newer than the sources.
    for mutant in read_mutants([]):
        for name in mutant.files:
            (tree.directory / name).touch()
    fault = tree.build()
    if fault:
        raise SystemExit(f"the simulator does not build:\n{fault}\n0 passed, 1 failed")
    begun = time.monotonic()
    unbroken = simulate(tree, options.seeds, options.state / "unbroken.log")
    sound = not unbroken.caught and not unbroken.fault
    if sound:
        print(f"{'the unbroken tree':44s} green on {options.seeds} seeds in {unbroken.run_s:.1f} s", flush=True)
    else:
        print(line("the unbroken tree", unbroken, options.seeds).replace("seed", "FAILED: seed"), flush=True)
    known = frozenset() if sound else failing_seeds(tree, options.seeds)
    if known:
        print(f"{len(known)} seeds fail without a planted bug and are left out: {', '.join(map(str, sorted(known)))}", flush=True)
    rows = []
    for mutant in mutants:
        verdict = prove(tree, mutant, options.seeds, known)
        rows.append((mutant, verdict))
        print(line(mutant.name, verdict, options.seeds), flush=True)
    caught = [verdict for _, verdict in rows if verdict.caught]
    if caught:
        needed = [verdict.seed for verdict in caught]
        print(f"seeds needed: median {statistics.median(needed):g}, at most {max(needed)}; {time.monotonic() - begun:.0f} s in all")
    if options.markdown:
        write_markdown(options.markdown, rows, options.seeds)
    passed = len(caught) + sound
    print(f"{passed} passed, {len(rows) + 1 - passed} failed")
    return 0 if passed == len(rows) + 1 else 1


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--state", type=pathlib.Path, default=ROOT / ".openrun" / "mutants")
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    options.state = options.state.resolve()
    return check(read_mutants(options.names)) if options.check else run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
