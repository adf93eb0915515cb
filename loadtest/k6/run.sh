#!/usr/bin/env bash
# run.sh stress|gate-polling|spike [K6 ARGUMENTS...]: against OPENRUN_URL, or what ./dev up has started. Builds k6 first where it is not
# there, with Go 1.21 or newer (k6 names the toolchain that it needs, and Go fetches it). Exits with 99 where a threshold is missed.
# K6_WEB_DASHBOARD=true shows k6's own dashboard on http://127.0.0.1:5665 while it runs; K6_WEB_DASHBOARD_EXPORT=FILE leaves it as a page.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
version=v1.8.1
script="${1:-}"
[[ -n "$script" && -f "$here/$script.js" ]] || {
  echo "usage: loadtest/k6/run.sh stress|gate-polling|spike [K6 ARGUMENTS...]" >&2
  exit 2
}
shift
if [[ -z "${OPENRUN_URL:-}" ]]; then
  # shellcheck source=/dev/null
  source "${OPENRUN_STATE:-$root/.openrun}/env"
fi
k6="$(command -v k6 || true)"
if [[ -z "$k6" ]]; then
  k6="$root/.openrun/tools/k6"
  [[ -x "$k6" ]] || GOBIN="${k6%/*}" go install "go.k6.io/k6@$version"
fi
export OPENRUN_URL K6_NO_USAGE_REPORT=true
if [[ -n "${OPENRUN_ADMIN_TOKEN:-}" ]]; then export OPENRUN_ADMIN_TOKEN; fi
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
exec "$k6" run --quiet "$@" "$here/$script.js"
