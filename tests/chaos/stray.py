"""Records that are none, put straight into the log by a stranger: each has to become one dead letter."""

import os
import subprocess
import threading

PAUSE_S = 2.0


class Stranger:
    def __init__(self, system, partitions, dice):
        self.system = system
        self.partitions = partitions
        self.dice = dice
        self.attempted = 0
        self.acknowledged = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, name="stranger", daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.done.set()
        self.thread.join(30)

    def _run(self):
        while not self.done.wait(PAUSE_S):
            self.attempted += 1
            self.acknowledged += 1 if self._put(self.dice.randrange(self.partitions)) else 0

    def _put(self, partition):
        # One line is one record; 0xff is no beginning of a record.
        value = b"\xff" + os.urandom(24).hex().encode() + b"\n"
        try:
            done = subprocess.run(
                ["kcat", "-P", "-b", self.system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition), "-k", "stray",
                 "-X", "message.timeout.ms=3000", "-X", "message.send.max.retries=0"],
                input=value, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def wrong(self):
        """What Postgres holds of them: at least the acknowledged ones, at most all, and each one exported."""
        rows = self.system.sql("SELECT count(*), count(exported_at), count(*) FILTER (WHERE reason = 'UNDECODABLE') FROM dead_letter")
        letters, exported, undecodable = map(int, rows[0])
        if not self.acknowledged <= letters <= self.attempted:
            yield f"{letters} dead letters; {self.acknowledged} undecodable records were acknowledged, {self.attempted} attempted"
        if undecodable != letters:
            yield f"{letters - undecodable} of {letters} dead letters have another reason than UNDECODABLE"
        if exported != letters:
            yield f"only {exported} of {letters} dead letters are exported"
