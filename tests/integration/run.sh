#!/usr/bin/env bash
# The integration tests: real Kafka, real Postgres, real daemons, signals. Arguments are passed to unittest, for example
# `tests/integration/run.sh test_pipeline.Zombie`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# A directory of its own below that of the test run, which stops whatever is still up there at its end.
export OPENRUN_TEST_STATE="${OPENRUN_TEST_STATE:-${OPENRUN_TEST_DIR:-../../.openrun/test}/integration}"
if (($# == 0)); then
  set -- test_pipeline test_log_lost test_dead_letters test_audit test_slow_store test_failures_of_others test_coupons test_https test_access test_connect
fi
exec /usr/bin/python3 -m unittest -v "$@"
