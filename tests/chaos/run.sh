#!/usr/bin/env bash
# Chaos on real processes, with the built programs: see chaos.py for the arguments. First the checker itself is tested on spoiled
# facts, then the chaos. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# A directory of its own below that of the test run, which stops whatever is still up there at its end.
export OPENRUN_CHAOS_STATE="${OPENRUN_CHAOS_STATE:-${OPENRUN_TEST_DIR:-$PWD/../../.openrun/test}/chaos}"
/usr/bin/python3 -m unittest -q test_checker test_plan
exec /usr/bin/python3 chaos.py "$@"
