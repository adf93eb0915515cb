#!/usr/bin/env bash
# k8s/test.sh [OPERATION]...: deploys openrun into the cluster that kubectl (or $KUBECTL) points at, works on it while users come, and says
# whether anything was lost. The images must be in the cluster: k8s/README.md. More: k8s/test.sh --help.
set -euo pipefail
exec /usr/bin/env python3 "$(dirname "${BASH_SOURCE[0]}")/../tests/k8s/operations.py" "$@"
