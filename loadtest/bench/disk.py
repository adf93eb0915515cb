"""What the disk does by itself while something else is measured: a commit is never faster than it, and stands still with it."""

import contextlib
import os
import pathlib
import threading
import time

WRITE_BYTES, FILE_WRITES, EVERY_S = 8_192, 1_024, 0.005


class Disk:
    """Makes 8 KiB durable every 5 ms, in a file of this folder that is there already, and keeps how long each took."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "openrun-bench-disk"
        self.seconds = []

    @contextlib.contextmanager
    def watched(self):
        self.seconds, over = [], threading.Event()
        with open(self.path, "wb", buffering=0) as file:
            file.write(bytes(WRITE_BYTES * FILE_WRITES))
            os.fsync(file.fileno())
            thread = threading.Thread(target=self._write, args=(file.fileno(), over))
            thread.start()
            try:
                yield self
            finally:
                over.set()
                thread.join()
                self.path.unlink()

    def _write(self, file, over):
        while not over.wait(EVERY_S):
            at = len(self.seconds) % FILE_WRITES * WRITE_BYTES
            began = time.monotonic()
            os.pwrite(file, bytes(WRITE_BYTES), at)
            os.fdatasync(file)
            self.seconds.append(time.monotonic() - began)

    def ms(self, share):
        """Of what was kept, in ms: so many are as fast or faster; 1 is the longest."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3
