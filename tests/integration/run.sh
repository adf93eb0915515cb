#!/usr/bin/env bash
# The integration tests: real Kafka, real Postgres, real daemons, signals. Two modules at a time: see lanes.py, which takes the
# arguments as unittest does, for example `tests/integration/run.sh test_pipeline.Zombie`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
if (($# == 0)); then
  # The longest first, so that the lanes end at about the same time; then whatever else is there.
  set -- test_pipeline test_partitions_added test_failures_of_others test_slow_store test_log_lost test_audit test_coupons test_dead_letters test_secure_parts test_cli
  for file in test_*.py; do
    if [[ " $* " != *" ${file%.py} "* ]]; then set -- "$@" "${file%.py}"; fi
  done
fi
exec /usr/bin/python3 lanes.py "$@"
