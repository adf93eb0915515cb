#!/usr/bin/env bash
# What a claim of a port is worth: it holds while who made it lives, or a process of the system that it was made for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

passed=0
failed=0
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

die() {
  printf 'ports_test: %s\n' "$*" >&2
  exit 1
}
# shellcheck source=tools/dev/processes.sh
root="$(cd ../.. && pwd)"
run_dir="$scratch/mine/run"
state="$scratch/mine"
# shellcheck source=tools/dev/processes.sh
source "$root/tools/dev/processes.sh"
# shellcheck source=tools/dev/ports.sh
source "$root/tools/dev/ports.sh"
port_claims="$scratch/claims"
# The machine's own listeners are not what is tested.
port_taken() { return 1; }

# expect WHAT EXPECTED ACTUAL
expect() {
  if [[ "$2" == "$3" ]]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    printf 'FAIL: %s: expected %s, got %s\n' "$1" "$2" "$3" >&2
  fi
}

# A pid that nobody has: of a process that has ended.
true &
gone=$!
wait "$gone"

choose_one() { port_for gateway-1 8080; }

# chosen: the port that a new system of ours gets.
chosen() {
  local -A setting=()
  ports_choose choose_one
  printf '%s\n' "${setting[port.gateway-1]}"
}

mkdir -p "$scratch/mine/run" "$scratch/other/run"

printf '8080 %s %s\n' "$$" "$scratch/other" >"$port_claims"
expect "who made the claim lives" 8081 "$(chosen)"

printf '8080 %s %s\n' "$gone" "$scratch/other" >"$port_claims"
printf '%s\n' "$$" >"$scratch/other/run/issuer-1.pid"
expect "a process of the other system lives" 8081 "$(chosen)"
expect "its claim is still written down" 1 "$(grep -c "^8080 $gone $scratch/other\$" "$port_claims")"

printf '%s\n' "$gone" >"$scratch/other/run/issuer-1.pid"
printf '8080 %s %s\n' "$gone" "$scratch/other" >"$port_claims"
expect "nothing of the other system lives, though its directory is there" 8080 "$(chosen)"
expect "its claim is forgotten" 0 "$(grep -c "$scratch/other" "$port_claims" || true)"
expect "ours is written down" 1 "$(grep -c "^8080 $$ $state\$" "$port_claims")"

for ((port = 8080; port < 8480; port++)); do printf '%s %s %s\n' "$port" "$gone" "$scratch/other"; done >"$port_claims"
expect "a whole range claimed by systems that are gone" 8080 "$(chosen)"

printf '8080 %s\n' "$scratch/other" >"$port_claims"
expect "a line without a pid is nobody's claim" 8080 "$(chosen)"

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
