#!/usr/bin/env bash
# Makes the secrets of compose.yaml in ./secrets, once: what is there stays. Back up secrets/keys.yaml: the code key can't be replaced.
# The folder is for its owner alone. The files in it can be read by any user, because each is mounted into containers whose users differ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
(umask 077 && mkdir -p secrets)

random() { od -An -v -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# make NAME: standard input becomes the file, whole or not at all.
make() {
  if [[ -s "secrets/$1" ]]; then
    cat >/dev/null
  else
    cat >"secrets/$1.new"
    chmod 644 "secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
    echo "made secrets/$1"
  fi
}

printf 'code_key: "%s"\nuser_hash_key: "%s"\nreceipt_keys:\n  - {id: 1, key: "%s"}\n' "$(random 32)" "$(random 16)" "$(random 32)" | make keys.yaml
for name in admin-token postgres-password grafana-password; do random 24 | make "$name"; done
