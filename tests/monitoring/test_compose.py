"""compose.yaml without Docker: what it mounts exists, what it starts starts, and the configurations it gives are accepted."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from prometheus import ROOT

BIN = pathlib.Path(os.environ.get("OPENRUN_BIN", ROOT / "build/dev/bin"))
COMPOSE = ROOT / "config/compose"
DAEMONS = {"gateway": 8080, "issuer": 9101, "relay": 9102, "reconciler": 9103}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def run(*command, where=ROOT, environment=None):
    done = subprocess.run([str(word) for word in command], cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False, env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout.decode()


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whole = load(ROOT / "compose.yaml")
        cls.services = cls.whole["services"]
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.folder = pathlib.Path(folder)
        # The repository as far as the command that makes the secrets sees it.
        (cls.folder / "config/compose").mkdir(parents=True)
        shutil.copy(COMPOSE / "secrets.sh", cls.folder / "config/compose/")
        code, said = run(cls.folder / "config/compose/secrets.sh", where="/")
        if code != 0:
            raise AssertionError(said)

    def test_every_service_says_what_runs_and_every_reference_leads_somewhere(self):
        known = {"image", "build", "restart", "read_only", "cap_drop", "security_opt", "volumes", "secrets", "environment", "healthcheck",
                 "command", "entrypoint", "depends_on", "expose", "ports", "profiles", "stop_grace_period"}
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertEqual(set(service) - known, set(), "a key that compose knows? add it to this test")
                # A release, so that tomorrow's image is today's; our own is built.
                self.assertTrue(service.get("build") == "." or re.search(r":[\w.-]*\d", service["image"]), service["image"])
                self.assertIn(service["restart"], ("no", "on-failure"))
                for other, how in service.get("depends_on", {}).items():
                    self.assertIn(how["condition"], CONDITIONS)
                    self.assertIn(other, self.services)
                    if how["condition"] == "service_healthy":
                        self.assertIn("healthcheck", self.services[other])
                    if how["condition"] == "service_completed_successfully":
                        self.assertEqual(self.services[other]["restart"], "no")
                self.assertLessEqual(set(service.get("secrets", [])), set(self.whole["secrets"]))
                for mounted in service.get("volumes", []):
                    source = mounted.split(":")[0]
                    if source.startswith("."):
                        self.assertTrue((ROOT / source).exists(), source)
                        self.assertTrue(mounted.endswith(":ro"), mounted)
                    else:
                        self.assertIn(source, self.whole["volumes"])
        used = {mounted.split(":")[0] for service in self.services.values() for mounted in service.get("volumes", [])}
        self.assertEqual(set(self.whole["volumes"]) - used, set())

    def test_ports_are_for_this_machine_alone_and_a_scaled_service_has_none(self):
        published = [port for service in self.services.values() for port in service.get("ports", [])]
        self.assertEqual(sorted(port.split(":")[1] for port in published), ["3000", "8080", "9090"])
        self.assertEqual([port for port in published if not port.startswith("127.0.0.1:")], [])
        for name in DAEMONS:
            self.assertNotIn("ports", self.services[name])

    def test_our_image_holds_what_our_services_start(self):
        dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        for name, service in self.services.items():
            if service.get("build") != ".":
                continue
            program = pathlib.Path((service.get("entrypoint") or service["command"])[0])
            with self.subTest(name):
                self.assertEqual(program.parent, pathlib.Path("/usr/bin"))
                self.assertTrue((BIN / program.name).exists(), program)
                self.assertRegex(dockerfile, rf"\b{program.name}\b")
        self.assertIn("/usr/bin", dockerfile)
        # `openrun` finds the file without being told.
        self.assertIn("OPENRUN_CONFIG=/etc/openrun/openrun.yaml", dockerfile)

    def test_one_command_makes_every_secret_once(self):
        wanted = {pathlib.Path(secret["file"]).name for secret in self.whole["secrets"].values()}
        made = {path.name: path.read_bytes() for path in (self.folder / "secrets").iterdir()}
        self.assertEqual(set(made), wanted)
        self.assertEqual([name for name, secret in made.items() if len(secret) < 48], [])
        self.assertEqual((self.folder / "secrets").stat().st_mode & 0o077, 0)
        self.assertEqual(run(self.folder / "config/compose/secrets.sh", where="/"), (0, ""))
        self.assertEqual(made, {path.name: path.read_bytes() for path in (self.folder / "secrets").iterdir()})
        code, _ = run("git", "check-ignore", "-q", "secrets/keys.yaml")
        self.assertEqual(code, 0, "secrets are never committed")

    def test_the_daemons_accept_their_configuration(self):
        text = (COMPOSE / "openrun.yaml").read_text(encoding="utf-8")
        for name, secret in self.whole["secrets"].items():
            text = text.replace(f"/run/secrets/{name}\n", f"{self.folder}/{secret['file']}\n").replace(
                f"/run/secrets/{name}}}", f"{self.folder}/{secret['file']}}}")
        self.assertNotIn("/run/secrets/", text, "it names secrets that nobody makes")
        file = self.folder / "openrun.yaml"
        file.write_text(text, encoding="utf-8")
        for name in DAEMONS:
            with self.subTest(name):
                code, said = run(BIN / f"openrun-{name}", "--config", file, "--check-config")
                self.assertEqual(code, 0, said)
        code, said = run(BIN / "openrun", "--config", file, "keys", "show")
        self.assertEqual(code, 0, said)

    def test_addresses_and_ports_agree(self):
        ours = load(COMPOSE / "openrun.yaml")
        kafka = self.services["kafka"]["environment"]
        self.assertEqual(kafka["KAFKA_ADVERTISED_LISTENERS"].split("://")[1], ours["kafka"]["brokers"])
        self.assertIn("@postgres:5432/" + self.services["postgres"]["environment"]["POSTGRES_DB"], ours["postgres"]["url"])
        scraped = {job["dns_sd_configs"][0]["names"][0]: job["dns_sd_configs"][0]["port"]
                   for job in load(COMPOSE / "prometheus.yml")["scrape_configs"]}
        for name, port in scraped.items():
            self.assertEqual(self.services[name]["expose"], [str(port)], name)
        self.assertLessEqual(DAEMONS.items(), scraped.items())
        defaults = load(ROOT / "config/openrun.yaml")
        self.assertEqual({name: defaults[name].get("metrics_port", defaults[name].get("port")) for name in DAEMONS}, DAEMONS)
        self.assertIn("gateway:8080", (COMPOSE / "haproxy.cfg").read_text(encoding="utf-8"))

    def test_prometheus_gets_our_rules_and_the_labels_that_they_go_by(self):
        mounted = self.folder / "prometheus"
        shutil.copytree(ROOT / "config/prometheus/rules", mounted / "rules")
        shutil.copy(COMPOSE / "prometheus.yml", mounted)
        code, said = run("promtool", "check", "config", "prometheus.yml", where=mounted)
        self.assertEqual(code, 0, said)
        self.assertIn("2 rule files found", said)
        plain, compose = load(ROOT / "config/prometheus/prometheus.yml"), load(mounted / "prometheus.yml")
        self.assertEqual(plain["global"], compose["global"])
        self.assertEqual(plain["rule_files"], compose["rule_files"])
        jobs = {target["labels"]["job"] for target in load(ROOT / "config/prometheus/targets.yml")}
        self.assertLessEqual(jobs, {job["job_name"] for job in compose["scrape_configs"]})

    def test_grafana_gets_what_its_provisioning_asks_for(self):
        environment = self.services["grafana"]["environment"]
        for path in (ROOT / "config/grafana/provisioning").rglob("*.yml"):
            for name in re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")):
                self.assertIn(name, environment, path)
        mounted = {volume.split(":")[1] for volume in self.services["grafana"]["volumes"]}
        self.assertIn(environment["OPENRUN_DASHBOARDS"], mounted)

    def test_the_balancer_accepts_its_configuration(self):
        code, said = run("haproxy", "-c", "-f", COMPOSE / "haproxy.cfg")
        self.assertEqual(code, 0, said)

    def test_docker_itself_accepts_it_where_it_is_there(self):
        command = next((words for words in (["docker", "compose"], ["docker-compose"]) if run_quietly(*words, "version")), None)
        if command is None:
            self.skipTest("no docker compose here")
        code, said = run(*command, "--profile", "tool", "--profile", "exporters", "config", "--quiet")
        self.assertEqual(code, 0, said)


def run_quietly(*command):
    try:
        return run(*command)[0] == 0
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()
