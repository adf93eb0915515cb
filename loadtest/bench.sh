#!/usr/bin/env bash
# The benchmarks, each figure beside its limit from the same run. Arguments go to bench.py (--users N --backlog N).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --build --preset dev --target bench_programs openrun >/dev/null
exec /usr/bin/python3 loadtest/bench/bench.py "$@"
