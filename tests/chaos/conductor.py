"""Carries the plan out: kills and freezes, starts again, and now and then waits until all is well."""

import os
import pathlib
import random
import signal
import threading
import time
from dataclasses import dataclass, field

import plan
from system import Failed, wait_until
from watch import start_time

START_S = 240.0  # a daemon waits for a Kafka or a Postgres that is down or frozen
CALM_S = 240.0  # many times what is usual: it tells slow from never, on a machine with other work too
ABANDON_S = 90.0
AT_ONCE_MAX = 3


@dataclass
class Done:
    """One fault as it happened; times are monotonic seconds."""
    step: int
    fault: plan.Fault
    began: float
    restart: float = 0.0  # when the start, or SIGCONT, was given
    ended: float = 0.0
    owned: dict = field(default_factory=dict)  # of an issuer: partition -> (epoch, next_offset) before
    skipped: str = ""


class Conductor:
    def __init__(self, system, names, checkpoints, deaths, say):
        self.system = system
        self.names = names
        self.checkpoints = checkpoints
        self.deaths = deaths
        self.say = say
        self.begun = time.monotonic()
        self.done = []
        self.calms = []  # seconds until all was well again
        self.wrong = []
        self.stop = threading.Event()
        self.seats = threading.BoundedSemaphore(AT_ONCE_MAX)
        self.busy = {name: threading.Lock() for name in [*names, plan.BACKEND]}
        self.running = []

    def kills(self):
        return sum(1 for done in self.done if done.fault.action == plan.KILL and not done.skipped)

    def play(self, steps, enough):
        """Until `enough()`, then until everything is started again."""
        for step in steps:
            if self.stop.wait(step.gap_s):
                break
            self.say(f"{time.monotonic() - self.begun:7.1f} s  {step}")
            for fault in step.faults:
                self._begin(step, fault)
            if step.calm_after:
                self.calm()
            if enough():
                break
        self.calm()

    def abandon(self):
        """Nothing more is begun and nothing started again; what is frozen wakes up. Waits for a start that is under way."""
        self.stop.set()
        deadline = time.monotonic() + ABANDON_S
        for thread in self.running:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _begin(self, step, fault):
        if not self.seats.acquire(timeout=START_S + plan.LONG[1]):
            raise Failed(f"{AT_ONCE_MAX} faults have not ended within {START_S} s: no seat for {fault}")
        thread = threading.Thread(target=self._perform, args=(step, fault), name=str(fault), daemon=True)
        self.running = [other for other in self.running if other.is_alive()] + [thread]
        thread.start()

    def _perform(self, step, fault):
        try:
            with self.busy[fault.target]:
                done = Done(step.number, fault, time.monotonic())
                {plan.KILL: self._kill, plan.FREEZE: self._freeze}[fault.action](done)
                done.ended = time.monotonic()
                self.done.append(done)
        except Exception as error:  # noqa: BLE001 a failure of the test, told at the end
            self.wrong.append(f"step {step.number}, {fault}: {error}")
            self.say(f"WRONG: step {step.number}, {fault}: {error}")
        finally:
            self.seats.release()

    # ---- faults

    def _kill(self, done):
        target = done.fault.target
        if target == plan.BACKEND:
            self._signal_backend(done, [signal.SIGKILL])
            return
        self._note_owned(done)
        pid = self.system.pid(target)
        self.deaths.will_end(target)
        began = start_time(pid)
        done.began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_until(f"{target} is gone after SIGKILL", lambda: start_time(pid) != began, 10)
        self.stop.wait(done.fault.seconds)
        done.restart = time.monotonic()
        if not self.stop.is_set():
            self.start(target)

    def start(self, target):
        """./dev start gives up earlier than a daemon that waits for a server which is down or frozen at the moment."""
        def started():
            try:
                self.system.dev("start", target)
            except Failed:
                # It may still be waiting. If it has ended, that is a finding, and not healed by the next attempt.
                if target not in ("kafka", "postgres"):
                    self.deaths.started(target)
                if self.stop.is_set():
                    return True
                raise
            return True
        wait_until(f"./dev start {target}", started, START_S, every=1.0)
        self.deaths.started(target)

    def _freeze(self, done):
        target = done.fault.target
        if target == plan.BACKEND:
            self._signal_backend(done, [signal.SIGSTOP, signal.SIGCONT])
            return
        self._note_owned(done)
        pids = postgres_processes(self.system.pid(target)) if target == "postgres" else [self.system.pid(target)]
        done.began = time.monotonic()
        signal_all(pids, signal.SIGSTOP)
        self.stop.wait(done.fault.seconds)
        done.restart = time.monotonic()
        signal_all(pids, signal.SIGCONT)

    def _signal_backend(self, done, signals):
        """A server process that works for one of our daemons, an issuer's if there is one."""
        try:
            rows = self.system.sql("SELECT pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'openrun-%' ORDER BY pid")
        except (Failed, OSError) as error:
            done.skipped = f"Postgres cannot be asked for its server processes: {str(error)[:200]}"
            return
        writers = [row for row in rows if row[1].startswith("openrun-issuer/")]
        if not rows:
            done.skipped = "no daemon is connected"
            return
        pid = int(random.Random(done.step).choice(writers or rows)[0])
        done.began = time.monotonic()
        signal_all([pid], signals[0])
        if len(signals) > 1:
            self.stop.wait(done.fault.seconds)
            signal_all([pid], signals[1])
        done.restart = time.monotonic()

    def _note_owned(self, done):
        if plan.kind_of(done.fault.target) != "issuer":
            return
        try:
            metrics = self.system.metrics(done.fault.target)
        except OSError:
            return
        latest = self.checkpoints.latest()
        for partition, (_, epoch, next_offset) in latest.items():
            if metrics.get(f'openrun_issuer_owned{{partition="{partition}"}}') == 1.0:
                done.owned[partition] = (epoch, next_offset)

    # ---- all well

    def calm(self):
        """No faults until everything runs, is ready, and every partition commits again. A failure of the test after CALM_S."""
        for thread in self.running:
            thread.join(START_S + plan.LONG[1])
            if thread.is_alive():
                self.wrong.append(f"not ended within {START_S} s: {thread.name}")
        began = time.monotonic()
        before = {partition: next_offset for partition, (_, _, next_offset) in self.checkpoints.latest().items()}
        waited_for = []

        def well():
            waited_for[:] = [name for name in self.names if not self._ready(name)]
            latest = self.checkpoints.latest()
            waited_for.extend(f"a commit in partition {p}" for p, offset in before.items() if latest[p][2] <= offset)
            return not waited_for
        try:
            wait_until("all is well again", well, CALM_S, every=0.2)
            self.calms.append(time.monotonic() - began)
            self.say(f"{time.monotonic() - self.begun:7.1f} s  all is well {self.calms[-1]:.1f} s after the last fault ended; {self.kills()} kills so far")
        except Failed:
            text = f"{CALM_S:.0f} s after the last fault ended there is still waited for {', '.join(waited_for)}"
            self.wrong.append(text)
            self.say(f"WRONG: {text}")

    def _ready(self, name):
        if name in ("kafka", "postgres"):
            return True
        try:
            return self.system.call("GET", "/readyz", daemon=name, timeout=3).status == 200
        except OSError:
            return False


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def postgres_processes(postmaster):
    """The postmaster, and all its server processes."""
    pids = [postmaster]
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == postmaster:
            pids.append(int(entry.name))
    return pids
