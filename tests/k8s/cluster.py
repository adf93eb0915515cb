"""The cluster that kubectl (or $KUBECTL) points at, with openrun in its namespace. Standard library only; every wait has a deadline."""

import datetime
import json
import os
import pathlib
import re
import shlex
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = "openrun"
KUBECTL = shlex.split(os.environ.get("KUBECTL", "kubectl"))
# Runs a command in the machine of the only node, as `docker exec kind-control-plane` does; without it no container can be killed.
NODE = shlex.split(os.environ.get("OPENRUN_K8S_NODE", ""))
TAG, NEXT_TAG = "dev", "next"
DEPLOYED = ("statefulset/kafka", "statefulset/postgres", "statefulset/openrun-issuer", "deployment/openrun-relay",
            "deployment/openrun-reconciler", "deployment/openrun-gateway")


class Failed(AssertionError):
    pass


def run(command, input=None, check=True, seconds=120):
    """What the command printed; `Failed` with what it said where it fails, or (None where `check` is False)."""
    done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode == 0:
        return done.stdout
    if not check:
        return None
    raise Failed(f"{shlex.join(command)}: exit {done.returncode}: {done.stdout[-500:]}{done.stderr[-1500:]}")


def kubectl(*arguments, **options):
    return run([*KUBECTL, "-n", NAMESPACE, *arguments], **options)


def get(*arguments):
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def wait_until(what, check, seconds):
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.5)


def rolled_out(name, seconds=120):
    kubectl("rollout", "status", name, f"--timeout={seconds}s", seconds=seconds + 30)


def deploy(overlay):
    """Applies the overlay from nothing or over what is there, and returns when everything is ready: when it was applied."""
    run([str(ROOT / "k8s" / "secrets.sh")])
    # A Job cannot be changed.
    kubectl("delete", "job", "openrun-migrate", "openrun-topics", "--ignore-not-found", "--wait=true")
    applied_at = datetime.datetime.now(datetime.timezone.utc)
    run([*KUBECTL, "apply", "-k", str(ROOT / "k8s" / "overlays" / overlay)])
    for job in ("openrun-migrate", "openrun-topics"):
        kubectl("wait", "--for=condition=complete", f"job/{job}", "--timeout=180s", seconds=200)
    all_ready()
    return applied_at


def seconds_since(applied_at, moment=None):
    return ((moment or datetime.datetime.now(datetime.timezone.utc)) - applied_at).total_seconds()


def refuse_what_is_not_for_tests():
    """An openrun that somebody else deployed is not ours to kill."""
    images = kubectl("get", "deployment", "openrun-gateway", "--ignore-not-found", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    if images and not images.startswith("localhost/"):
        raise Failed(f"the cluster that kubectl points at runs {images}: these tests kill and delete, and work on localhost/openrun only")


def all_ready():
    for name in DEPLOYED:
        rolled_out(name, 180)


def scale(name, replicas):
    kubectl("scale", name, f"--replicas={replicas}")


def pods(component):
    """The pods of a component that are not on their way out."""
    listed = get("pods", "-l", f"app.kubernetes.io/component={component}")["items"]
    return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]


def versions(component):
    """What the pods of a component that serve tell of their programs, in openrun_build_info."""
    found = set()
    for pod in pods(component):
        port = next(port["containerPort"] for port in pod["spec"]["containers"][0]["ports"] if port["name"] in ("http", "metrics"))
        told = kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:{port}/proxy/metrics", check=False)
        found |= set(re.findall(r'^openrun_build_info\{[^}]*version="([^"]*)"', told or "", re.MULTILINE)) or {"unknown"}
    return found


class Tool:
    """`openrun ARGUMENTS` in a Job, with the configuration, the keys and the image of the gateways that run."""

    def __init__(self, name, arguments):
        self.name = name
        template = get("deployment", "openrun-gateway")["spec"]["template"]["spec"]
        gateway = template["containers"][0]
        container = {key: gateway[key] for key in ("image", "imagePullPolicy", "envFrom", "volumeMounts", "securityContext") if key in gateway}
        container |= {
            "name": "openrun", "command": ["/usr/bin/openrun", *arguments],
            "env": [{"name": "OPENRUN_URL", "value": "http://openrun-gateway"},
                    {"name": "OPENRUN_ADMIN_TOKEN", "valueFrom": {"secretKeyRef": {"name": "openrun-admin", "key": "token"}}}],
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
        }
        spec = {key: template[key] for key in ("volumes", "securityContext")}
        spec |= {"automountServiceAccountToken": False, "enableServiceLinks": False, "restartPolicy": "Never", "containers": [container]}
        labels = {"app.kubernetes.io/name": "openrun", "app.kubernetes.io/component": "tool"}
        kubectl("delete", "job", name, "--ignore-not-found", "--wait=true")
        kubectl("create", "-f", "-", input=json.dumps({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": labels},
            "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": spec}}}))

    def _status(self):
        return get("job", self.name).get("status", {})

    def running(self):
        return self._status().get("ready", 0) > 0 or self.ended()

    def ended(self):
        status = self._status()
        return status.get("succeeded", 0) + status.get("failed", 0) > 0

    def wait_running(self):
        wait_until(f"{self.name} runs", self.running, 60)

    def result(self, seconds):
        """(whether it exited with 0, its document)."""
        wait_until(f"{self.name} ends", self.ended, seconds)
        text = kubectl("logs", f"job/{self.name}")
        lines = [line for line in text.splitlines() if line.startswith("{")]
        if not lines:
            raise Failed(f"{self.name} printed no document: {text[-1000:]}")
        return self._status().get("succeeded", 0) == 1, json.loads(lines[-1])
