# shellcheck shell=bash
# ./dev mutants: plants known bugs, one at a time, and shows that the simulator finds each.

mutants_run() {
  packages_ensure test
  /usr/bin/python3 "$root/tests/sim/mutants.py" --state "$state/mutants" "$@" 9>&-
}

# Quick: only whether every patch still applies.
mutants_check() { /usr/bin/python3 "$root/tests/sim/mutants.py" --check; }
