# shellcheck shell=bash
# ./dev bench: the benchmarks of loadtest/.

bench_command() {
  [[ -x "$root/loadtest/bench.sh" ]] || die "there are no benchmarks: loadtest/bench.sh is missing"
  packages_ensure bench
  build_daemons || exit 1
  exec "$root/loadtest/bench.sh" "$@"
}
