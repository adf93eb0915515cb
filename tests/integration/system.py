"""A whole openrun on real Kafka and Postgres, driven as an operator drives it: by ./dev, HTTP, psql and signals.

Standard library only. Every wait is for an event, with a deadline.
"""

import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.parse
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]


SANITIZER_REPORT = re.compile(r"(Address|Leak|Thread)Sanitizer|UndefinedBehaviorSanitizer|runtime error: ")


class Failed(AssertionError):
    pass


def wait_until(what, check, seconds=60.0, every=0.05):
    """Polls `check` until it returns something true and returns that; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = check()
            if last:
                return last
        except (OSError, http.client.HTTPException, Failed) as error:
            last = error
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what} (last: {last!r})")
        time.sleep(every)


def free_ports(count):
    """Not of those that the kernel gives to whoever connects, as on a busy machine many do: one of them might be somebody's before the
    process that it is for listens there."""
    found = []
    for port in random.sample(range(20_000, 30_000), 1_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Failed(f"there are no {count} free ports")


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


# What passed every check and is refused by the store all the same: SQLSTATE class 22 for some users.
REFUSING_POISON = """
CREATE OR REPLACE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.user_id LIKE 'poison-%' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '22021'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_poison BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION refuse_poison();
"""


PATIENCE = 30


def patiently(seconds, call, again=(503,)):
    """As clients do: who is answered 503, because the machine is busy, asks again when Retry-After says, for so many seconds. With 0 the first
    answer counts."""
    deadline = time.monotonic() + seconds
    while True:
        answer = call()
        if answer.status not in again:
            return answer
        pause = int(answer.headers["Retry-After"] or 1)
        if time.monotonic() + pause > deadline:
            return answer
        time.sleep(pause)


class System:
    def __init__(self, state, gateways=1, issuers=1, relays=1, partitions=4):
        self.state = pathlib.Path(state)
        if not self.state.is_absolute():
            self.state = (ROOT / "tests" / "integration" / state).resolve() if str(state).startswith("..") else ROOT / state
        self.counts = ["--gateways", gateways, "--issuers", issuers, "--relays", relays, "--partitions", partitions]
        self.environment = {}

    # ---- ./dev

    def dev(self, *arguments, environment=None, check=True, timeout=300, root=ROOT):
        """`root`: whose ./dev, and with it whose build, where it is not this tree's."""
        env = dict(os.environ, OPENRUN_STATE=str(self.state), **(environment or {}))
        done = subprocess.run(
            [str(root / "dev"), *map(str, arguments)],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise Failed(f"./dev {' '.join(map(str, arguments))} exited {done.returncode}:\n{done.stdout.decode()[-4000:]}")
        return done.stdout.decode()

    def up(self, environment=None, root=ROOT):
        self.dev("up", *self.counts, environment=environment, timeout=1800, root=root)
        for line in self.dev("env").splitlines():
            if line.startswith("export "):
                name, _, value = shlex.split(line[len("export "):])[0].partition("=")
                self.environment[name] = value

    def down(self):
        """Stops all and deletes it. What a sanitizer has reported in a log is a failure."""
        if not self.state.exists():
            return
        self.dev("down", check=False)
        reports = [
            f"{log.name}: {line}" for log in sorted(self.state.glob("log/*.log"))
            for line in log.read_text(errors="replace").splitlines() if SANITIZER_REPORT.search(line)]
        self.dev("down", "--wipe", check=False)
        if reports:
            raise Failed("a sanitizer has reported:\n" + "\n".join(reports[:20]))

    def stop(self, name):
        self.dev("stop", name)

    def start(self, name, environment=None, root=ROOT):
        self.dev("start", name, environment=environment, root=root)

    def kill(self, name):
        self.dev("kill", name)

    def pid(self, name):
        return int((self.state / "run" / f"{name}.pid").read_text().split()[0])

    def freeze(self, name):
        os.kill(self.pid(name), signal.SIGSTOP)

    def thaw(self, name):
        os.kill(self.pid(name), signal.SIGCONT)

    # ---- addresses

    def setting(self, name):
        for line in (self.state / "settings").read_text().splitlines():
            key, _, value = line.partition("=")
            if key == name:
                return value
        raise Failed(f"no setting {name}")

    def port(self, name):
        return int(self.setting(f"port.{name}"))

    def url(self, gateway=1):
        return f"http://127.0.0.1:{self.port(f'gateway-{gateway}')}"

    # ---- HTTP

    def call(self, method, path, body=None, gateway=1, headers=None, admin=False, timeout=40, daemon=None, raw=None):
        port = self.port(daemon or f"gateway-{gateway}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        send = dict(headers or {})
        if body is not None:
            send["Content-Type"] = "application/json"
        if admin:
            send["Authorization"] = "Bearer " + self.environment["OPENRUN_ADMIN_TOKEN"]
        try:
            connection.request(method, path, raw if body is None else json.dumps(body), send)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def create(self, stock, opens_in=0.0, name="integration", gateway=1, key=None, **more):
        starts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + opens_in)) + ".000Z"
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        terms = dict(name=name, stock=stock, starts_at=starts, **more)
        answer = patiently(PATIENCE, lambda: self.call("POST", "/v1/campaigns", terms, gateway, headers, admin=True), again=(202, 503))
        if answer.status != 201:
            raise Failed(f"create answered {answer}")
        return answer.json["id"]

    def campaign(self, campaign, gateway=1):
        return self.call("GET", f"/v1/campaigns/{campaign}", gateway=gateway).json

    def request(self, campaign, user, gateway=1, wait=None, patience=PATIENCE):
        headers = {} if wait is None else {"Prefer": f"wait={wait}"}
        return patiently(
            patience, lambda: self.call("POST", f"/v1/campaigns/{campaign}/requests", {"user_id": user}, gateway, headers))

    def receipt(self, *arguments, **more):
        """Of a request, decided or not."""
        answer = self.request(*arguments, **more)
        if "receipt" not in answer.json:
            raise Failed(f"the request was answered {answer}")
        return answer.json["receipt"]

    def status(self, receipt, gateway=1, wait=None):
        headers = {} if wait is None else {"Prefer": f"wait={wait}"}
        return self.call("GET", f"/v1/requests/{receipt}", gateway=gateway, headers=headers)

    def ready(self, gateway=1):
        try:
            return self.call("GET", "/readyz", gateway=gateway, timeout=5).status == 200
        except OSError:
            return False

    def metrics(self, name):
        text = self.call("GET", "/metrics", daemon=name).body
        values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                values[key] = float(value)
        return values

    # ---- commands, SQL, logs

    def command(self, *arguments, timeout=300, environment=None):
        """Runs `openrun`; returns (exit code, stdout, stderr)."""
        done = subprocess.run(
            ["openrun", *map(str, arguments)], env=os.environ | self.environment | (environment or {}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def audit(self):
        code, out, err = self.command("--json", "audit")
        if code != 0:
            raise Failed(f"openrun audit exited {code}: {out[-3000:]} {err}")
        return json.loads(out)

    def deep_audit(self, *arguments):
        """Decides the retained log once more; fails unless everything agrees with it."""
        code, out, err = self.command("--json", "audit", "--deep", *arguments)
        if code != 0:
            raise Failed(f"openrun audit --deep exited {code}: {out[-5000:]} {err}")
        return json.loads(out)

    def load(self, *arguments):
        """Begins a load in the background; finish() waits for it and returns its report."""
        return Load(self, arguments)

    def sql(self, text):
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t", self.environment["OPENRUN_DATABASE_URL"], "-c", text],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
        if done.returncode != 0:
            raise Failed(f"psql: {done.stderr.decode()}")
        return [line.split("\t") for line in done.stdout.decode().splitlines()]

    def superuser(self, text=None, file=None, check=True):
        """What Postgres says to somebody who may do everything: to a text, or to a file of SQL."""
        asked = ["-c", text] if file is None else ["-f", str(file)]
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port("postgres")), "-U", "postgres", "-d", "openrun", *asked],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        if check and done.returncode != 0:
            raise Failed(f"psql: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    @contextlib.contextmanager
    def refusing_poison(self):
        """Meanwhile every request of a user whose name begins with poison- becomes a dead letter."""
        self.sql(REFUSING_POISON)
        try:
            yield
        finally:
            self.sql("DROP TRIGGER refuse_poison ON coupon")

    def psql(self, script):
        """A psql session in the background that reads its script; ends when its standard input is closed."""
        session = subprocess.Popen(
            ["psql", "-XAtq", self.environment["OPENRUN_DATABASE_URL"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        session.stdin.write(script.encode())
        session.stdin.flush()
        return session

    def log_lines(self, name):
        """The JSON log lines of a daemon; what is no JSON is left out."""
        for line in (self.state / "log" / f"{name}.log").read_text(errors="replace").splitlines():
            if line.startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def kafka_tool(self, main_class, *arguments):
        libs = next((ROOT / "build").glob("kafka-*/kafka-server-common-*.jar"))
        done = subprocess.run(
            ["java", "-Xmx128m", "-cp", f"{libs.parent}/*", main_class, "--bootstrap-server", self.environment["OPENRUN_KAFKA"],
             *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, check=False)
        if done.returncode != 0:
            raise Failed(f"{main_class}: {done.stdout.decode()[-2000:]}")
        return done.stdout.decode()

    def create_topic_that_nobody_reads(self):
        code, out, err = self.command("topics", "create", environment={"OPENRUN_KAFKA__RESULTS_TOPIC": "nobody-reads-this"})
        if code != 0:
            raise Failed(out + err)

    def next_offsets(self):
        return {int(p): int(n) for p, n in self.sql("SELECT partition, next_offset FROM partition_checkpoint")}


class Load:
    def __init__(self, system, arguments):
        self.process = subprocess.Popen(
            ["openrun", "--json", "load", *map(str, arguments)], env=dict(os.environ, **system.environment),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, timeout=300):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failed(f"the load did not end within {timeout} s") from None
        try:
            return json.loads(out)
        except ValueError:
            raise Failed(f"openrun load exited {self.process.returncode}: {out.decode()[-2000:]} {err.decode()[-2000:]}") from None

    def abandon(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def wrong_checks(report):
    return [check["text"] for check in report["checks"] if not check["ok"]]


def host_of(url):
    return urllib.parse.urlparse(url).netloc
