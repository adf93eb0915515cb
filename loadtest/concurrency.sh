#!/usr/bin/env bash
# concurrency.sh [--users N] [--stock N] [--clients N]: five gateways (on 8080 to 8084 where those are free) with everything behind
# them; every user asks twice, at two different gateways; what came back is analysed, and everything is stopped again. Exits with 1 where
# an answer or a count is wrong.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export OPENRUN_STATE="${OPENRUN_STATE:-$root/.openrun/concurrency}"
clean_up() { "$root/dev" down --wipe; }
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$root/dev" up --gateways 5
# shellcheck source=/dev/null
source "$OPENRUN_STATE/env"
urls=()
for number in 1 2 3 4 5; do
  port="$(sed -n "s/^port\.gateway-$number=//p" "$OPENRUN_STATE/settings")"
  urls+=("http://127.0.0.1:$port")
done
/usr/bin/python3 "$root/loadtest/concurrency.py" "$@" "${urls[@]}"
