"""The programs that openrun is measured against, each started on a port of its own and stopped again: peers and limits."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / os.environ.get("OPENRUN_PRESET", "dev") / "bin"

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from system import free_ports  # noqa: E402


def wait_for_port(process, port):
    """Until the process listens; the kernel refuses at once while it doesn't."""
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10):
            return
    raise RuntimeError(f"{process.args[0]} has ended with {process.returncode}")


class Program:
    """A server on `port`, with all that it needs besides; `pids` are what it costs CPU in."""

    def __init__(self, name, *arguments):
        (self.port,) = free_ports(1)
        self.process = subprocess.Popen([str(BIN / name), str(self.port), *map(str, arguments)])
        self.pids = [self.process.pid]
        wait_for_port(self.process, self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Beast(Program):
    """The limit of HTTP: a bare Beast handler."""

    def __init__(self):
        super().__init__("openrun-bench-beast")


class Single(Program):
    """The peer that decides in memory and group-commits straight into Postgres."""

    def __init__(self, stock, database_url, postgres_pid=None):
        super().__init__("openrun-bench-single", stock, database_url)
        self.pids += [postgres_pid] if postgres_pid else []


class Go(Program):
    """The same design in Go, on net/http and pgx."""

    def __init__(self, stock, database_url, postgres_pid=None):
        super().__init__("openrun-bench-go", stock, database_url)
        self.pids += [postgres_pid] if postgres_pid else []

    @staticmethod
    def build():
        """Builds it where its sources are newer. False where there is no Go, or no way to what it is built from: then it is left out."""
        program, sources = BIN / "openrun-bench-go", ROOT / "loadtest/peers/go"
        if not shutil.which("go"):
            print("The peer in Go is left out: there is no go.", flush=True)
            return False
        if program.exists() and program.stat().st_mtime > max(source.stat().st_mtime for source in sources.iterdir()):
            return True
        fetched = subprocess.run(["go", "mod", "download"], cwd=sources, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=300)
        if fetched.returncode != 0:
            print(f"The peer in Go is left out: {fetched.stderr.decode().strip()}", flush=True)
            return False
        subprocess.run(["go", "build", "-buildvcs=false", "-o", str(program), "."], cwd=sources, stdin=subprocess.DEVNULL, check=True, timeout=600)
        return True


class Redis(Program):
    """The peer with a counter in Redis, and its Redis: nothing on disk, on a socket of its own."""

    def __init__(self, stock):
        self.folder = tempfile.TemporaryDirectory(prefix="openrun-redis-")
        path = pathlib.Path(self.folder.name) / "redis.sock"
        self.redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", self.folder.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            for line in self.redis.stdout:
                if b"ready to accept connections" in line.lower():
                    break
            super().__init__("openrun-bench-redis", stock, path)
        except Exception:
            self.stop_redis()
            raise
        self.pids.append(self.redis.pid)

    def stop_redis(self):
        self.redis.terminate()
        self.redis.communicate()  # waits for its end
        self.folder.cleanup()

    def stop(self):
        super().stop()
        self.stop_redis()


class SpanSink:
    """Takes the spans of a system and forgets them, in a process of its own."""

    CODE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""

    def __init__(self):
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", self.CODE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self):
        self.process.terminate()
        self.process.communicate()
