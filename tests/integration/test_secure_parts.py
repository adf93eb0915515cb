"""A whole openrun whose Kafka and Postgres are reached by TLS alone: one open run, renewed passwords and certificates, and what
each daemon says when it is not let in. Real servers, certificates of our own.
"""

import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import unittest

import secure_servers
from system import System, free_ports, wait_until, wrong_checks

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
DAEMONS = ("issuer-1", "relay-1", "reconciler-1", "gateway-1")
system = System(STATE, partitions=2)


class Secure:
    """What the servers and the daemons are set up with. Every password that ever counts is kept, to be looked for in the logs."""

    def __init__(self):
        self.folder = pathlib.Path(system.state) / "secure"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755)
        self.secure_port, self.mutual_port = free_ports(2)
        self.passwords = []
        self.authority = secure_servers.Authority(self.folder, "authority")
        self.stranger = secure_servers.Authority(self.folder, "stranger")
        self.kafka_password = self.folder / "kafka.password"
        self.postgres_password = self.folder / "postgres.password"
        self.data = pathlib.Path(system.superuser("SHOW data_directory"))
        self.roots = self.folder / "roots.crt"
        self.client = self.folder / "client"

    def new_password(self, file):
        password = f"sesame-{secrets.token_hex(8)}"
        self.passwords.append(password)
        file.with_suffix(".new").write_text(password + "\n")
        os.replace(file.with_suffix(".new"), file)
        return password

    def servers_certificate(self, authority, name):
        return authority.sign(name, "IP:127.0.0.1")

    def write_kafka(self, name):
        """The broker's certificate and the password; both count from its next start on."""
        key, certificate = self.servers_certificate(self.authority, name)
        store = self.folder / "kafka.pem"
        store.write_text(key.read_text() + certificate.read_text())
        port = system.port("kafka")
        (pathlib.Path(system.state) / "kafka" / "extra.properties").write_text(secure_servers.kafka_properties(
            port, port + 1, self.secure_port, self.mutual_port, store, self.authority.certificate, self.new_password(self.kafka_password)))

    def write_postgres(self, authority, name):
        """The server's certificate, the client's, and the roots of both, all by this authority."""
        key, certificate = self.servers_certificate(authority, name)
        for source, target in ((key, "server.key"), (certificate, "server.crt"), (authority.certificate, "roots.crt")):
            copy = self.data / target
            shutil.copyfile(source, copy)
            copy.chmod(0o600)
            owner = self.data.stat()
            os.chown(copy, owner.st_uid, owner.st_gid)
        (self.data / "pg_hba.conf").write_text(secure_servers.HBA)
        for setting, value in (("ssl", "on"), ("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key"), ("ssl_ca_file", "roots.crt"),
                               ("ssl_min_protocol_version", "TLSv1.2")):
            system.superuser(f"ALTER SYSTEM SET {setting} = '{value}'")
        system.superuser(f"ALTER ROLE openrun PASSWORD '{self.new_password(self.postgres_password)}'")
        key, certificate = authority.sign(f"client-{name}")
        for source, target in ((authority.certificate, self.roots), (key, self.client.with_suffix(".key")),
                               (certificate, self.client.with_suffix(".crt"))):
            target.with_suffix(".new").write_text(source.read_text())
            target.with_suffix(".new").chmod(0o600)
            os.replace(target.with_suffix(".new"), target)
        system.superuser("SELECT pg_reload_conf()")

    def postgres_url(self, host="127.0.0.1", mode="verify-full", roots=None):
        return (f"postgresql://openrun@{host}:{system.port('postgres')}/openrun?sslmode={mode}&sslrootcert={roots or self.roots}"
                f"&sslcert={self.client}.crt&sslkey={self.client}.key")

    def configuration(self, brokers=None, librdkafka=None, kafka_password=None, url=None, postgres_password=None):
        """The text of a configuration; an argument replaces what is right."""
        settings = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "openrun",
                    "ssl.ca.location": str(self.authority.certificate)}
        settings.update(librdkafka or {})
        kafka = {"brokers": brokers or f"127.0.0.1:{self.secure_port}", "partitions": 2,
                 "librdkafka": {name: value for name, value in settings.items() if value is not None}}
        if settings["sasl.username"] is not None:
            kafka["sasl_password_file"] = str(kafka_password or self.kafka_password)
        # JSON is YAML.
        return json.dumps({
            "kafka": kafka,
            "postgres": {"url": url or self.postgres_url(), "password_file": str(postgres_password or self.postgres_password)},
            "keys": {"file": str(pathlib.Path(system.state) / "keys.yaml")},
            "gateway": {"grpc_port": 0, "admin_tokens": [{"name": "dev", "token_file": str(pathlib.Path(system.state) / "admin-token")}]},
        })

    def mutual(self):
        """Arguments of configuration() for the listener that wants a certificate in place of a password."""
        return {"brokers": f"127.0.0.1:{self.mutual_port}",
                "librdkafka": {"security.protocol": "SSL", "sasl.mechanism": None, "sasl.username": None,
                               "ssl.certificate.location": f"{self.client}.crt", "ssl.key.location": f"{self.client}.key"}}


secure = None


def restart_daemons(text):
    for name in reversed(DAEMONS):
        system.stop(name)
    pathlib.Path(system.environment["OPENRUN_CONFIG"]).write_text(text)
    for name in DAEMONS:
        system.start(name)
    wait_for_daemons()


def wait_for_daemons(seconds=60):
    for name in DAEMONS:
        wait_until(f"{name} is ready", lambda n=name: system.call("GET", "/readyz", daemon=n, timeout=5).status == 200, seconds)


def setUpModule():
    global secure
    system.down()
    system.up()
    for name in reversed(DAEMONS):
        system.stop(name)
    # psql of the tests comes as the superuser.
    system.environment["OPENRUN_DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{system.port('postgres')}/openrun"
    secure = Secure()
    secure.write_kafka("kafka")
    system.stop("kafka")
    system.start("kafka")
    secure.write_postgres(secure.authority, "postgres")
    restart_daemons(secure.configuration())


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def logs():
    folder = pathlib.Path(system.state) / "log"
    return {file.name: file.read_text(errors="replace") for file in folder.iterdir() if file.is_file()}


class SecureCase(unittest.TestCase):
    def tearDown(self):
        for name, text in logs().items():
            for password in secure.passwords:
                self.assertNotIn(password, text, name)

    def assertIssues(self, users):
        campaign = system.create(len(users))
        for user in users:
            answer = system.request(campaign, user, wait=30)
            self.assertEqual(answer.status, 201, answer)
        self.assertEqual(system.campaign(campaign)["remaining"], 0)


class AnOpenRun(SecureCase):
    def test_an_open_run_over_tls_is_exact_and_its_audits_are_clean(self):
        campaign = system.create(300, opens_in=1.0)
        load = system.load("--campaign", campaign, "--users", 600, "--connections", 50, "--mode", "poll", "--at-start")
        self.addCleanup(load.abandon)
        report = load.finish(60)
        self.assertEqual(wrong_checks(report), [], report)
        self.assertEqual(report["outcomes"]["issued"], 300, report)
        system.audit()
        system.deep_audit()
        for arguments in (("migrate",), ("topics", "create"), ("topics", "check")):
            code, out, err = system.command(*arguments)
            self.assertEqual(code, 0, out + err)
        # Every session of ours is encrypted.
        rows = system.superuser("SELECT DISTINCT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'openrun'")
        self.assertRegex(rows, r"^t\|TLSv1\.[23]$")

    def test_a_gateway_hears_its_issuer_beside_a_log_over_tls(self):
        def asked_and_heard():
            self.assertIssues(["ann"])
            return system.metrics("gateway-1").get("openrun_results_streamed_total", 0) > 0
        wait_until("the gateway hears what is decided", asked_and_heard, 30)

    def test_no_password_stands_on_a_command_line_or_in_what_is_printed(self):
        for name in DAEMONS:
            command = pathlib.Path(f"/proc/{system.pid(name)}/cmdline").read_text()
            printed = subprocess.run(["openrun-" + name[:-2], "--config", system.environment["OPENRUN_CONFIG"], "--print-config"],
                                     env=dict(os.environ, **system.environment, OPENRUN_LOG__LEVEL="debug"), capture_output=True, check=True)
            self.assertIn(str(secure.kafka_password), printed.stdout.decode())
            for password in secure.passwords:
                self.assertNotIn(password, command)
                self.assertNotIn(password, printed.stdout.decode())

    def test_certificates_in_place_of_a_password(self):
        restart_daemons(secure.configuration(**secure.mutual()))
        try:
            self.assertIssues(["ann", "ben"])
            code, out, err = system.command("topics", "check")
            self.assertEqual(code, 0, out + err)
        finally:
            restart_daemons(secure.configuration())


class Renewal(SecureCase):
    def test_new_passwords_and_certificates_need_no_restart(self):
        self.assertIssues(["before"])
        pids = [system.pid(name) for name in DAEMONS]
        # Postgres: another authority, so that nothing old is of any use: certificates and roots of both sides, and the password.
        secure.write_postgres(secure_servers.Authority(secure.folder, "successor"), "postgres-2")
        system.superuser("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'openrun'")
        self.assertIssues(["postgres"])
        # Kafka: the password, and the broker's certificate by the same authority.
        secure.write_kafka("kafka-2")
        system.stop("kafka")
        system.start("kafka")
        wait_for_daemons()
        self.assertIssues(["kafka"])
        self.assertEqual([system.pid(name) for name in DAEMONS], pids)
        for name in DAEMONS:
            # Each reads the file when it has to connect.
            wait_until(f"{name} has noticed", lambda n=name: any(
                "the password of kafka.sasl_password_file has changed" in line["message"] for line in system.log_lines(n)))

    def test_who_was_started_with_a_wrong_password_comes_in_as_soon_as_the_file_is_right(self):
        wrong = secure.folder / "wrong.password"
        secure.new_password(wrong)
        with Refused("late", secure.configuration(kafka_password=wrong)) as refused:
            refused.wait_until_it_says("kafka.sasl_password_file")
            wrong.write_text(secure.kafka_password.read_text())
            wait_until("the gateway is ready", lambda: refused.call("gateway", "/readyz")[0] == 200, 60)
            wait_until("it has no trouble", lambda: refused.trouble("gateway", "openrun_log_trouble") == set())


class Refused:
    """All four daemons beside the good ones, with a configuration of their own. None of them gets as far as doing anything."""

    def __init__(self, name, text):
        self.name = name
        self.text = text
        self.processes = {}
        self.codes = {}

    def __enter__(self):
        self.file = secure.folder / f"{self.name}.yaml"
        self.file.write_text(self.text)
        ports = free_ports(4)
        self.ports = dict(zip(("gateway", "issuer", "relay", "reconciler"), ports))
        for daemon, port in self.ports.items():
            key = "PORT" if daemon == "gateway" else "METRICS_PORT"
            with open(self._log(daemon), "wb") as log:
                self.processes[daemon] = subprocess.Popen(
                    [f"openrun-{daemon}", "--config", str(self.file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=dict(os.environ, **system.environment, **{f"OPENRUN_{daemon.upper()}__{key}": str(port)}))
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        self.codes = {daemon: process.wait(30) for daemon, process in self.processes.items()}

    def _log(self, daemon):
        return pathlib.Path(system.state) / "log" / f"refused-{self.name}-{daemon}.log"

    def said(self, daemon):
        return self._log(daemon).read_text(errors="replace")

    def call(self, daemon, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[daemon], timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def trouble(self, daemon, metric):
        _, text = self.call(daemon, "/metrics")
        return {line.split('"')[1] for line in text.splitlines() if line.startswith(metric + "{") and line.endswith(" 1")}

    def wait_until_it_says(self, key):
        """/readyz and a warning in the log name the key; the reconciler, which works without Kafka, only the log."""
        for daemon in self.processes:
            wait_until(f"{daemon} logs {key}", lambda d=daemon: any(
                key in line and '"warning"' in line for line in self.said(d).splitlines()), 60)
            if daemon == "reconciler" and not key.startswith("postgres"):
                continue
            wait_until(f"{daemon} says {key} on /readyz", lambda d=daemon: (a := self.call(d, "/readyz"))[0] == 503 and key in a[1], 60)


class NotLetIn(SecureCase):
    """Every daemon lives, is not ready, and says what to look at."""

    def assertRefused(self, name, key, cause=None, cli=(), **configuration):
        with Refused(name, secure.configuration(**configuration)) as refused:
            refused.wait_until_it_says(key)
            if cause:
                for daemon in ("issuer", "relay", "reconciler"):
                    metric, value = cause
                    wait_until(f"{daemon} names {value} alone", lambda d=daemon, m=metric, v=value: refused.trouble(d, m) == {v})
            if cli:
                code, out, err = system.command("--config", refused.file, *cli, timeout=90)
                self.assertEqual(code, 1, out + err)
                self.assertIn(key, err)
        self.assertEqual(set(refused.codes.values()), {0}, refused.codes)
        print(f"\n  {name}: {next(line for line in refused.said('issuer').splitlines() if key in line)}")

    def test_by_kafka_for_a_wrong_password(self):
        wrong = secure.folder / "wrong"
        secure.new_password(wrong)
        self.assertRefused("kafka-password", "kafka.sasl_password_file", ("openrun_log_trouble", "UNAUTHENTICATED"), ("topics", "check"),
                           kafka_password=wrong)

    def test_nor_is_a_password_told_when_librdkafka_tells_all(self):
        wrong = secure.folder / "wrong"
        secure.new_password(wrong)
        with Refused("kafka-debug", secure.configuration(kafka_password=wrong, librdkafka={"debug": "all"}).replace(
                '"keys":', '"log": {"level": "debug"}, "keys":')) as refused:
            refused.wait_until_it_says("kafka.sasl_password_file")
        self.assertIn("sasl.password", refused.said("issuer"))

    def test_by_kafka_for_a_mechanism_that_it_does_not_have(self):
        self.assertRefused("kafka-mechanism", "sasl.mechanism", ("openrun_log_trouble", "UNAUTHENTICATED"),
                           librdkafka={"sasl.mechanism": "SCRAM-SHA-512"})

    def test_a_broker_whose_certificate_is_by_another_authority_is_not_trusted(self):
        self.assertRefused("kafka-authority", "ssl.ca.location", ("openrun_log_trouble", "UNTRUSTED"), ("topics", "check"),
                           librdkafka={"ssl.ca.location": str(secure.stranger.certificate)})

    def test_a_broker_whose_certificate_names_another_host_is_not_trusted(self):
        self.assertRefused("kafka-host", "names the host in kafka.brokers", ("openrun_log_trouble", "UNTRUSTED"),
                           brokers=f"localhost:{secure.secure_port}")

    def test_by_kafka_without_tls(self):
        self.assertRefused("kafka-plain", "security.protocol", ("openrun_log_trouble", "CUT_OFF"), ("topics", "check"),
                           librdkafka={"security.protocol": "SASL_PLAINTEXT"})

    def test_by_kafka_without_a_certificate_that_it_wants(self):
        mutual = secure.mutual()
        for name in ("ssl.certificate.location", "ssl.key.location"):
            del mutual["librdkafka"][name]
        self.assertRefused("kafka-certificate", "ssl.certificate.location", ("openrun_log_trouble", "UNTRUSTED"), **mutual)

    def test_by_postgres_for_a_wrong_password(self):
        wrong = secure.folder / "wrong"
        secure.new_password(wrong)
        self.assertRefused("postgres-password", "postgres.password_file", ("openrun_store_trouble", "UNAUTHENTICATED"), ("migrate",),
                           postgres_password=wrong)

    def test_a_postgres_whose_certificate_is_by_another_authority_is_not_trusted(self):
        self.assertRefused("postgres-authority", "sslrootcert", ("openrun_store_trouble", "UNTRUSTED"), ("migrate",),
                           url=secure.postgres_url(roots=secure.stranger.certificate))

    def test_a_postgres_whose_certificate_names_another_host_is_not_trusted(self):
        self.assertRefused("postgres-host", "sslrootcert", ("openrun_store_trouble", "UNTRUSTED"), url=secure.postgres_url(host="localhost"))

    def test_by_postgres_without_tls(self):
        self.assertRefused("postgres-plain", "encryption: postgres.url", ("openrun_store_trouble", "UNAUTHENTICATED"),
                           url=secure.postgres_url(mode="disable"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
