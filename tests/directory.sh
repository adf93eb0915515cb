# shellcheck shell=bash
# To be sourced first by tests/NAME/run.sh: goes to that folder. `directory` is what the test run keeps, and the systems of the part have
# their own below it, from OPENRUN_TEST_STATE on; ./dev test stops whatever is still up there at its end.
cd "$(dirname "${BASH_SOURCE[1]}")" || exit 1
directory="${OPENRUN_TEST_DIR:-../../.openrun/test}"
mkdir -p "$directory"
directory="$(cd "$directory" && pwd)"
export OPENRUN_TEST_STATE="${OPENRUN_TEST_STATE:-$directory/$(basename "$PWD")}"
