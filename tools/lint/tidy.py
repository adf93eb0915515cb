#!/usr/bin/env python3
"""Runs the clang-tidy of the PATH over our own sources, and remembers what was clean.

    tidy.py BUILD_DIRECTORY [--jobs N] [FILE...]

A file is checked again when it, one of our headers that it includes, its compile command or .clang-tidy has changed. Generated
code and tests are left out. Exits with 1 where something was found.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLANG_TIDY = "clang-tidy"
# Where the decisions are made and where strangers' bytes are read.
ROOMS = ("libs/base/", "libs/issuance/", "libs/crypto/", "libs/wire/", "libs/ports/", "services/")
TEST = re.compile(r"_(test|pgtest|kafkatest)\.cpp$|/test_\w+\.cpp$|/testing/")


def wanted(path):
    relative = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return relative.startswith(ROOMS) and not TEST.search(relative)


def sources(build, only):
    """Path -> compile command, of the files to check."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        chosen = path in only if only else wanted(path)
        if chosen and path.exists():
            found.setdefault(path, entry)
    return found


def our_headers(entry):
    """Every file of this repository that the source includes, itself too; the compiler knows."""
    command = [word for word in shlex.split(entry["command"]) if not word.endswith("ccache")]
    if "-o" in command:
        at = command.index("-o")
        del command[at:at + 2]
    done = subprocess.run([*command, "-MM", "-MG"], cwd=entry["directory"], capture_output=True, text=True, check=False)
    names = done.stdout.replace("\\\n", " ").split()[1:]
    paths = (pathlib.Path(entry["directory"], name).resolve() for name in names)
    return sorted(path for path in paths if path.is_relative_to(ROOT) and path.exists())


def key_of(path, entry, rules):
    digest = hashlib.sha256(rules)
    digest.update(f"{path}\n{entry['command']}".encode())
    for header in our_headers(entry):
        digest.update(header.read_bytes())
    return digest.hexdigest()


def check(path, entry, build, memory, rules):
    """Empty where the file is clean, else what clang-tidy says."""
    stamp = memory / key_of(path, entry, rules)
    if stamp.exists():
        return ""
    done = subprocess.run([CLANG_TIDY, "-p", str(build), "--quiet", str(path)], capture_output=True, text=True, check=False)
    if done.returncode == 0 and "warning:" not in done.stdout:
        stamp.touch()
        return ""
    return done.stdout or done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_intermixed_args()
    build = arguments.build.resolve()
    memory = build / "tidy"
    memory.mkdir(exist_ok=True)
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    rules = version + (ROOT / ".clang-tidy").read_bytes()
    todo = sources(build, {path.resolve() for path in arguments.files})
    faults = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        checks = {pool.submit(check, path, entry, build, memory, rules): path for path, entry in todo.items()}
        for future in concurrent.futures.as_completed(checks):
            said = future.result()
            if said:
                faults += 1
                print(f"{checks[future].relative_to(ROOT)}:\n{said}", flush=True)
    print(f"{len(todo)} files, {faults} with findings")
    return 1 if faults or not todo else 0


if __name__ == "__main__":
    sys.exit(main())
