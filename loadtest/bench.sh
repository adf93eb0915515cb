#!/usr/bin/env bash
# The benchmarks, each figure beside its limit from the same run. Arguments go to bench.py (sections, --users N, ...; --help); after
# `overload` to overload.py (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --build --preset dev --target bench_programs openrun >/dev/null
program=bench
if [[ "${1:-}" == overload ]]; then
  program=overload
  shift
fi
exec /usr/bin/python3 "loadtest/bench/$program.py" "$@"
