"""Every overlay of k8s/ builds, fits the schemas of Kubernetes, and keeps the promises that no schema knows. Needs no cluster."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
OVERLAYS = sorted(path.parent for path in (ROOT / "k8s" / "overlays").glob("*/kustomization.yaml"))
# Of operators: their schemas come with them, not with Kubernetes.
OTHERS = {"Kafka", "KafkaNodePool", "Cluster", "HTTPRoute", "ScaledObject"}
WORKLOADS = {"Deployment", "StatefulSet", "Job"}


def built(folder):
    command = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    return subprocess.run([*command, str(folder)], check=True, capture_output=True, text=True).stdout


def with_every_component(overlay, directory):
    """The overlay together with the components that it leaves as a choice."""
    chosen = overlay / "kustomization.yaml"
    named = set(re.findall(r"components/([\w-]+)\n", chosen.read_text(encoding="utf-8")))
    rest = sorted(path.parent.name for path in (ROOT / "k8s" / "components").glob("*/kustomization.yaml"))
    up = os.path.relpath(ROOT / "k8s", directory)
    text = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "openrun",
            "resources": [f"{up}/overlays/{overlay.name}"],
            "components": [f"{up}/components/{name}" for name in rest if name not in named and name in CHOICES]}
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return directory


CHOICES = {"gateway-api", "keda", "ingress", "prometheus"}


def pods(documents):
    for document in documents:
        if document["kind"] in WORKLOADS:
            yield f"{document['kind']} {document['metadata']['name']}", document["spec"]["template"]


def containers(template):
    return template["spec"]["containers"] + template["spec"].get("initContainers", [])


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = pathlib.Path(os.environ["OPENRUN_TEST_STATE"]) / "choices"
        shutil.rmtree(directory, ignore_errors=True)
        cls.texts = {}
        for overlay in OVERLAYS:
            cls.texts[overlay.name] = built(overlay)
            choices = directory / overlay.name
            choices.mkdir(parents=True)
            cls.texts[f"{overlay.name} with every choice"] = built(with_every_component(overlay, choices))
        cls.documents = {name: list(yaml.safe_load_all(text)) for name, text in cls.texts.items()}

    def every(self):
        return self.documents.values()

    def test_there_is_an_overlay_for_development_and_one_for_production(self):
        self.assertLessEqual({"kind", "production"}, set(self.texts))

    def test_every_overlay_fits_the_schemas(self):
        schemas = os.environ["OPENRUN_K8S_SCHEMAS"] + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"
        for name, text in self.texts.items():
            with self.subTest(overlay=name):
                told = subprocess.run(["kubeconform", "-strict", "-summary", "-schema-location", schemas, "-skip", ",".join(sorted(OTHERS)), "-"],
                                      input=text, capture_output=True, text=True, check=False)
                self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
                self.assertRegex(told.stdout, r"Valid: [1-9]\d+, Invalid: 0, Errors: 0")

    def test_no_pod_has_rights_or_root_or_a_file_system_to_write_to(self):
        for documents in self.every():
            for name, template in pods(documents):
                spec = template["spec"]
                self.assertIs(spec.get("automountServiceAccountToken"), False, name)
                self.assertIs(spec["securityContext"].get("runAsNonRoot"), True, name)
                self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", name)
                for container in containers(template):
                    context = container["securityContext"]
                    self.assertIs(context.get("readOnlyRootFilesystem"), True, name)
                    self.assertIs(context.get("allowPrivilegeEscalation"), False, name)
                    self.assertEqual(context["capabilities"]["drop"], ["ALL"], name)
        for documents in self.every():
            kinds = {document["kind"] for document in documents}
            self.assertFalse(kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})

    def test_every_container_says_what_it_needs_and_every_daemon_has_probes(self):
        for documents in self.every():
            for name, template in pods(documents):
                for container in containers(template):
                    self.assertLessEqual({"cpu", "memory"}, set(container["resources"]["requests"]), name)
                    self.assertIn("memory", container["resources"]["limits"], name)
                if not name.startswith("Job "):
                    self.assertIn("readinessProbe", template["spec"]["containers"][0], name)

    def test_every_image_has_a_tag_that_is_not_latest(self):
        for documents in self.every():
            for name, template in pods(documents):
                for container in containers(template):
                    self.assertRegex(container["image"], r"(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$", name)

    def test_no_secret_stands_in_the_manifests(self):
        for documents in self.every():
            self.assertNotIn("Secret", {document["kind"] for document in documents})

    def test_what_is_selected_exists(self):
        """Services, budgets, autoscalers and their targets name pods that there are."""
        for documents in self.every():
            labels = [template["metadata"]["labels"] for _, template in pods(documents)]
            named = {(document["kind"], document["metadata"]["name"]) for document in documents}
            for document in documents:
                kind, spec = document["kind"], document.get("spec", {})
                if kind == "Service":
                    selected = spec["selector"]
                elif kind == "PodDisruptionBudget":
                    selected = spec["selector"]["matchLabels"]
                else:
                    if "scaleTargetRef" in spec:
                        target = spec["scaleTargetRef"]
                        self.assertIn((target["kind"], target["name"]), named)
                    continue
                self.assertTrue([each for each in labels if selected.items() <= each.items()], document["metadata"]["name"])

    def test_production_insists_on_copies(self):
        for document in self.documents["production"]:
            if document["metadata"]["name"].startswith("openrun-environment"):
                settings = document["data"]
                self.assertEqual(settings["OPENRUN_KAFKA__PRODUCTION"], "true")
                self.assertEqual((settings["OPENRUN_KAFKA__REPLICATION_FACTOR"], settings["OPENRUN_KAFKA__MIN_INSYNC_REPLICAS"]), ("3", "2"))
                return
        self.fail("there is no environment")


if __name__ == "__main__":
    unittest.main()
