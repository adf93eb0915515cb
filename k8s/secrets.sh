#!/usr/bin/env bash
# k8s/secrets.sh: makes the two Secrets that openrun needs where they are not there yet, in the namespace openrun of the cluster that kubectl
# (or $KUBECTL) points at. What is there is never changed: another code key would break the uniqueness of coupon codes.
#
#   openrun-keys    keys.yaml, which `openrun keys init` would write. Keep a copy of it
#   openrun-admin   token: what an admin's calls carry; tokens: the gateways' list of names and tokens
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
read -r -a kubectl <<<"${KUBECTL:-kubectl}"
namespace=openrun

random() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
there() { "${kubectl[@]}" -n "$namespace" get secret "$1" >/dev/null 2>&1; }

"${kubectl[@]}" get namespace "$namespace" >/dev/null 2>&1 || "${kubectl[@]}" apply -f base/namespace.yaml

# Through pipes: a command line could be read by everybody on the machine.
if ! there openrun-keys; then
  "${kubectl[@]}" create -f - <<YAML
apiVersion: v1
kind: Secret
metadata: {name: openrun-keys, namespace: $namespace}
stringData:
  keys.yaml: |
    # Keep this file secret and backed up: another code_key would break the uniqueness of coupon codes.
    code_key: "$(random 32)"
    user_hash_key: "$(random 16)"
    # Oldest first; all verify, the last one signs.
    receipt_keys:
      - {id: 1, key: "$(random 32)"}
YAML
fi

if ! there openrun-admin; then
  token="$(random 24)"
  "${kubectl[@]}" create -f - <<YAML
apiVersion: v1
kind: Secret
metadata: {name: openrun-admin, namespace: $namespace}
stringData:
  token: "$token"
  tokens: "ops=$token"
YAML
fi
