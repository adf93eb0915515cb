"""What is seen from outside while it goes on: every partition's checkpoint, and processes that end without having been told to."""

import os
import pathlib
import select
import subprocess
import threading
import time

SAMPLE_S = 0.05
ANSWER_S = 1.5
QUESTION = "SELECT partition, epoch, next_offset FROM partition_checkpoint ORDER BY partition;\n\\echo .\n"


class Checkpoints:
    """Samples partition_checkpoint; history[partition] is a list of (monotonic seconds, epoch, next_offset), one a change."""

    def __init__(self, system):
        self.url = system.environment["OPENRUN_DATABASE_URL"]
        self.history = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.done.set()
        self.thread.join(10)

    def latest(self):
        return {partition: changes[-1] for partition, changes in list(self.history.items())}

    def _run(self):
        while not self.done.is_set():
            session = self._session()
            try:
                while not self.done.wait(SAMPLE_S) and self._sample(session):
                    pass
            except OSError:
                pass
            finally:
                session.kill()
                session.communicate()
            self.done.wait(SAMPLE_S)

    def _session(self):
        return subprocess.Popen(
            ["psql", "-XAtq", "-F", " ", self.url], env=dict(os.environ, PGCONNECT_TIMEOUT="2"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _sample(self, session):
        session.stdin.write(QUESTION.encode())
        session.stdin.flush()
        # Not select(): the load's connections take the low numbers.
        ready = select.poll()
        ready.register(session.stdout, select.POLLIN | select.POLLHUP)
        text = b""
        deadline = time.monotonic() + ANSWER_S
        while not text.endswith(b".\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not ready.poll(left * 1000):
                return False
            more = os.read(session.stdout.fileno(), 65536)
            if not more:
                return False
            text += more
        now = time.monotonic()
        for line in text.decode().splitlines()[:-1]:
            partition, epoch, next_offset = map(int, line.split())
            changes = self.history.setdefault(partition, [])
            if not changes or changes[-1][1:] != (epoch, next_offset):
                changes.append((now, epoch, next_offset))
        return True


def start_time(pid):
    """In ticks since boot; None for a process that is gone or defunct. A pid and its start time name a process for ever."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


class Deaths:
    """Looks after the daemons' processes. As the subreaper of all that is started here, this process learns how each one ended."""

    LOOK_S = 0.1

    def __init__(self, system, names):
        self.system = system
        self.names = names
        self.lock = threading.Lock()
        self.known = {}  # name -> (pid, start time)
        self.expected = set()  # names that may end now
        self.found = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, name="deaths", daemon=True)

    def start(self):
        for name in self.names:
            self.started(name)
        self.thread.start()

    def stop(self):
        self.done.set()
        self.thread.join(10)
        self.look()

    def will_end(self, name):
        with self.lock:
            self.expected.add(name)

    def all_will_end(self):
        """From now on they are only looked after: a process that nobody asks about keeps its place, and looks as if it lived."""
        with self.lock:
            self.expected.update(self.names)

    def started(self, name):
        pid = self.system.pid(name)
        with self.lock:
            self.known[name] = (pid, start_time(pid))
            self.expected.discard(name)

    def _run(self):
        while not self.done.wait(self.LOOK_S):
            self.look()

    def look(self):
        with self.lock:
            for name, (pid, began) in list(self.known.items()):
                if began is not None and start_time(pid) == began:
                    continue
                how = ended_how(pid)
                del self.known[name]
                if name not in self.expected:
                    self.found.append(f"{name} (pid {pid}) ended by itself: {how}; the end of its log: {self._log_end(name)}")

    def _log_end(self, name):
        try:
            return "\n    ".join([""] + (self.system.state / "log" / f"{name}.log").read_text(errors="replace").splitlines()[-5:])
        except OSError as error:
            return str(error)


def ended_how(pid):
    try:
        reaped, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        reaped = 0
    if not reaped:
        return "nobody knows how"
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.waitstatus_to_exitcode(status)}"


def processes_of(directory):
    """Live processes whose command line names the directory, or that work in it: (pid, command line)."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        ours = int(entry.name) == os.getpid()
        if not ours and (f"{directory}/" in command or where.startswith(f"{directory}/")) and state_of(entry.name) not in ("Z", "X", None):
            found.append((int(entry.name), command))
    return found
