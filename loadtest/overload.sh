#!/usr/bin/env bash
# Three times too many submits, with polls beside them: goodput and the polls' latencies, in one run. Arguments go to
# loadtest/bench/overload.py (--seconds N --connections N --polls N --gateway-core N; --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec ./dev bench overload "$@"
