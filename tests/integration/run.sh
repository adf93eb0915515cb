#!/usr/bin/env bash
# The integration tests: real Kafka, real Postgres, real daemons, signals. Two modules at a time: see lanes.py, which takes the
# arguments as unittest does, for example `tests/integration/run.sh test_pipeline.Zombie`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
if (($# == 0)); then
  # The longest first, so that the lanes end at about the same time.
  set -- test_coupons test_partitions_added test_pipeline test_log_lost test_failures_of_others test_secure_parts test_cli test_slow_store test_https test_spans test_error_reports test_traces test_restore test_audit test_dead_letters test_access test_connect test_peers
fi
exec /usr/bin/python3 lanes.py "$@"
