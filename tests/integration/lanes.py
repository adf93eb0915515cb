"""Runs test modules side by side, because most of their time is waiting: `lanes.py NAME...`, each name as for unittest (a module, or a
class of it, or a test).

The names of one module run one after the other in one process. Each module finds in OPENRUN_TEST_STATE a directory of its own (the one
that is given here, and the module's name), so that it has systems of its own and shares nothing with the others. Two modules run at a time (OPENRUN_TEST_LANES says otherwise), or one where memory
is short; they begin in the order in which they are given, so the longest ones come first. What a module has said is printed in one piece
when it has ended; the end names all that failed. SIGTERM and SIGINT end all that was begun and stop the systems that are still up.
"""

import collections
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANES = 2
# A system's Kafka, Postgres and daemons, with room for the loads and for the machine's own needs.
LANE_BYTES = 3 * 1024**3
END_SECONDS = 10
DOWN_SECONDS = 120
VERDICT = re.compile(r"^(OK|FAILED)\b", re.MULTILINE)
FAILURE = re.compile(r"^((?:FAIL|ERROR): .*)$", re.MULTILINE)


def lanes():
    """How many modules run at a time."""
    if "OPENRUN_TEST_LANES" in os.environ:
        return max(1, int(os.environ["OPENRUN_TEST_LANES"]))
    meminfo = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    available = int(re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)[1]) * 1024
    return max(1, min(LANES, available // LANE_BYTES))


def by_module(names):
    """The names of each module, in the order in which the modules were first named."""
    groups = {}
    for name in names:
        groups.setdefault(name.partition(".")[0], []).append(name)
    return groups


class Run:
    """The modules of one run. Each lane is a thread that takes the next module as soon as it is free."""

    def __init__(self, groups):
        self.waiting = collections.deque(groups.items())
        self.lock = threading.Lock()
        self.children = {}
        self.stopping = False
        self.failures = []
        self.times = []

    def begin(self, module, names, output):
        """The process of a module, None where the run is being stopped. A session of its own: a signal reaches all that it started."""
        with self.lock:
            if self.stopping:
                return None
            state = os.environ["OPENRUN_TEST_STATE"] + "-" + module.removeprefix("test_").replace("_", "-")
            child = subprocess.Popen(
                [sys.executable, "-m", "unittest", "-v", *names], env=dict(os.environ, OPENRUN_TEST_STATE=state), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True)
            self.children[child.pid] = child
            return child

    def run_module(self, module, names):
        with tempfile.TemporaryFile() as output:
            begun = time.monotonic()
            child = self.begin(module, names, output)
            if child is None:
                return
            status = child.wait()
            seconds = time.monotonic() - begun
            output.seek(0)
            text = output.read().decode(errors="replace")
        with self.lock:
            del self.children[child.pid]
            if self.stopping:
                return
            self.tell(module, seconds, status, text)

    def tell(self, module, seconds, status, text):
        if not VERDICT.search(text):
            # It has ended before it could count: as one test that failed.
            text += f"\nERROR: {module} ended with {status} and without a verdict\nRan 1 test in {seconds:.3f}s\n\nFAILED (errors=1)\n"
            status = status or 1
        print(f"==== {module}, {seconds:.0f} s\n{text}", flush=True)
        self.times.append((module, seconds))
        failed = FAILURE.findall(text)
        if status and not failed:
            failed = [f"{module} ended with {status}"]
        self.failures += failed

    def lane(self):
        while True:
            with self.lock:
                if not self.waiting:
                    return
                module, names = self.waiting.popleft()
            self.run_module(module, names)

    def stop(self):
        """Ends every module that runs, with all that it has started in its session."""
        with self.lock:
            self.stopping = True
            children = list(self.children.values())
        for sent in (signal.SIGTERM, signal.SIGKILL):
            for child in children:
                try:
                    os.killpg(child.pid, sent)
                except ProcessLookupError:
                    continue
            deadline = time.monotonic() + END_SECONDS
            for child in children:
                try:
                    child.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    continue


def systems_down():
    """Stops the systems that a module was not given the time to stop."""
    base = pathlib.Path(os.environ["OPENRUN_TEST_STATE"]).resolve()
    stopping = [
        subprocess.Popen([str(ROOT / "dev"), "down"], env=dict(os.environ, OPENRUN_STATE=str(settings.parent)), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for settings in base.parent.glob(base.name + "*/settings")]
    for process in stopping:
        process.wait(DOWN_SECONDS)


class Interrupted(Exception):
    pass


def interrupted(number, _frame):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Interrupted(number)


def main(names):
    if not names:
        print(__doc__, file=sys.stderr)
        return 2
    run = Run(by_module(names))
    threads = [threading.Thread(target=run.lane, daemon=True) for _ in range(lanes())]
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)
    begun = time.monotonic()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except Interrupted as signalled:
        run.stop()
        systems_down()
        print(f"stopped by signal {signalled.args[0]}; what is above is not all", flush=True)
        return 128 + signalled.args[0]
    print("==== " + ", ".join(f"{module} {seconds:.0f} s" for module, seconds in run.times))
    print(f"==== {len(run.times)} modules in {time.monotonic() - begun:.0f} s, {len(threads)} at a time")
    for failure in run.failures:
        print(f"==== failed: {failure}")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
