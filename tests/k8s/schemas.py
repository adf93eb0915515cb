#!/usr/bin/env python3
"""schemas.py DIRECTORY: the JSON schemas of Kubernetes that the package kubernetes-validate carries, as kubeconform wants them: references
beside each other, and no meta-schema, which it would fetch."""

import json
import pathlib
import sys

import kubernetes_validate

VERSION = "1.34.0"


def main():
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{VERSION}-local-strict"
    names = sorted(source.glob("*.json"))
    if not names:
        sys.exit(f"schemas: the package has no schemas of Kubernetes {VERSION} in {source.name}")
    for name in names:
        schema = json.loads(name.read_text(encoding="utf-8").replace('"/api/_definitions.json', '"_definitions.json'))
        schema.pop("$schema", None)
        (target / name.name).write_text(json.dumps(schema), encoding="utf-8")


main()
