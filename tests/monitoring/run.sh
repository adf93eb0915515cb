#!/usr/bin/env bash
# The monitoring tests: Debian's Prometheus with the delivered rules scrapes a running openrun, and every query of the
# dashboards is asked. Arguments are passed to unittest, for example `tests/monitoring/run.sh test_alerts.Drills.test_no_gateway_and_no_reconciler`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export OPENRUN_TEST_STATE="${OPENRUN_TEST_STATE:-${OPENRUN_TEST_DIR:-$PWD/../../.openrun/test}/monitoring}"
export PYTHONPATH="../integration"
if (($# == 0)); then set -- test_rules test_compose test_prometheus test_alerts; fi
exec /usr/bin/python3 -m unittest -v "$@"
