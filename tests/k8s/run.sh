#!/usr/bin/env bash
# Kubernetes. `run.sh manifests` checks what k8s/ builds, without a cluster; `run.sh cluster [OPERATION]...` deploys the development overlay
# into a cluster and works on it under load (node.sh brings one up where there is none). `./dev test k8s` does both.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
source ./tools.sh
mkdir -p "$OPENRUN_TEST_STATE"
tools_install
part="${1:-manifests}"
shift || true
case "$part" in
  manifests) exec "$tools/python/bin/python" -m unittest -v test_manifests test_judgement "$@" ;;
  cluster) exec ./node.sh "$@" ;;
  *)
    echo "k8s: there is no part \"$part\"; choose manifests or cluster" >&2
    exit 2
    ;;
esac
