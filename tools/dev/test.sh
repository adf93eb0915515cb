# shellcheck shell=bash
# ./dev test: builds what is needed, runs it, counts, leaves nothing running. The last line is "N passed, N failed".

# Suites (ctest entries) that also run under the thread sanitizer: the ones with threads of their own. librdkafka and libpq are
# not built with it, so what lives on their threads is left out.
tsan_suites=(base.unit http.unit runtime.unit telemetry.unit gateway.unit issuer.unit relay.unit)

# What ./dev test without a part runs as it is built by default; all other unit tests it runs under the sanitizers alone. The sanitizers' builds
# walk through a smaller world of the core, and have no checks of archives and no tool on a terminal.
dev_suites=(issuance.unit issuance.purity issuance.purity_sees_a_violation cli.tool)

test_dir="$state/test"
tests_passed=0
tests_failed=0
tests_skipped=0
test_failures=()
test_failure_logs=()
declare -A test_behind_pids=()

# test_faults LOG LINES: what a log says of failures, at most that many lines of it.
test_faults() {
  if [[ -n "$1" && -f "$1" ]]; then
    grep -n -E -B 3 -A 12 '(: Failure$|Sanitizer: |^(FAIL|ERROR): |broken promise)' "$1" | head -n "$2" >&2 || true
  fi
}

# test_count NAME PASSED FAILED [SKIPPED] [LOG]
test_count() {
  local name="$1" passed="$2" failed="$3" skipped="${4:-0}" log="${5:-}"
  tests_passed=$((tests_passed + passed))
  tests_failed=$((tests_failed + failed))
  tests_skipped=$((tests_skipped + skipped))
  printf '%6d s  %-38s %5d passed %3d failed %3d skipped\n' "$((SECONDS - test_started))" "$name" "$passed" "$failed" "$skipped"
  if ((failed)); then
    test_failures+=("$name")
    test_failure_logs+=("$log")
    if [[ -n "$log" && -f "$log" ]]; then
      complain "---- what failed in $log"
      test_faults "$log" 120
      complain "---- the end of $log"
      tail -n 60 "$log" >&2
      complain "----"
    fi
  fi
}

# test_step NAME COMMAND...: one step, passed where it exits with 0.
test_step() {
  local name="$1" log
  log="$test_dir/log/${1//[^a-zA-Z0-9]/-}.log"
  shift
  if "$@" </dev/null >"$log" 2>&1 9>&-; then test_count "$name" 1 0; else test_count "$name" 0 1 0 "$log"; fi
}

# test_program NAME COMMAND...: a program that tells its own count (Python's unittest, or a last line "N passed, N failed").
test_program() {
  local name="$1" log status=0 counts shown=""
  log="$test_dir/log/${1//[^a-zA-Z0-9]/-}.log"
  shift
  # In the background, because a signal would find this shell deaf while a program runs in front of it.
  : >"$log"
  "$@" </dev/null >"$log" 2>&1 9>&- &
  test_child=$!
  if [[ -n "${test_shown:-}" ]]; then
    tail -n +1 -f --pid="$test_child" "$log" 9>&- &
    shown=$!
  fi
  wait "$test_child" || status=$?
  test_child=""
  if [[ -n "$shown" ]]; then wait "$shown" || true; fi
  counts="$(/usr/bin/python3 "$root/tools/dev/tally.py" text "$log" "$status")"
  # shellcheck disable=SC2086 # three numbers
  test_count "$name" $counts "$log"
}

# test_behind NAME COMMAND...: begins what the machine shall do beside the steps, which wait most of their time, at the lowest priority. A
# process group of its own ends with the run.
test_behind() {
  local name="$1"
  shift
  set -m
  {
    renice -n 19 "$BASHPID" >/dev/null || true
    "$@"
  } </dev/null >"$test_dir/log/behind-$name.log" 2>&1 9>&- &
  test_behind_pids[$name]=$!
  set +m
}

# test_behind_result NAME: waits for it, says what it has said, and succeeds where it did.
test_behind_result() {
  local status=0
  wait "${test_behind_pids[$1]}" || status=$?
  cat "$test_dir/log/behind-$1.log"
  return "$status"
}

# test_suites PRESET LABEL [SUITE...]: the ctest entries with that label (or only those suites) and their targets, a line each.
test_suites() {
  local preset="$1" label="$2" suite made
  shift 2
  /usr/bin/python3 "$root/tools/dev/suites.py" "$root/build/$preset" "$label" | while read -r suite made; do
    if (($#)) && [[ " $* " != *" $suite "* ]]; then continue; fi
    # A sanitizer's own symbols would not pass the checks of archives.
    if [[ "$preset" != dev && "$suite" != *".$label" ]]; then continue; fi
    printf '%s %s\n' "$suite" "$made"
  done
}

# test_ctest NAME PRESET LABEL [SUITE...]: those entries; GoogleTest programs are counted case by case, others as one.
test_ctest() {
  local name="$1" preset="$2" label="$3" log reports suite made needs status=0 counts pattern="" targets=() jobs=2
  log="$test_dir/log/${1//[^a-zA-Z0-9]/-}.log"
  shift 3
  build_configure "$preset" || {
    test_count "$name" 0 1
    return 0
  }
  while read -r suite made; do
    read -r -a needs <<<"$made"
    targets+=("${needs[@]}")
    pattern+="${pattern:+|}^${suite//./\\.}\$"
  done < <(test_suites "$preset" "$label" "$@")
  if ((${#targets[@]} == 0)); then return 0; fi
  build_targets "$preset" "${targets[@]}" || {
    test_count "$name: build" 0 1 0 "$state/build-$preset.log"
    return 0
  }
  # One at a time where they share a server.
  if [[ "$label" == pg || "$label" == kafka ]]; then jobs=1; fi
  reports="$test_dir/reports/${name//[^a-zA-Z0-9]/-}"
  rm -rf "$reports" && mkdir -p "$reports/gtest"
  env "${sanitizer_options[@]}" GTEST_OUTPUT="xml:$reports/gtest/" ctest --test-dir "$root/build/$preset" -j "$jobs" -R "$pattern" -L "^$label\$" --output-on-failure --timeout 600 \
    --output-junit "$reports/ctest.xml" </dev/null >"$log" 2>&1 9>&- || status=$?
  counts="$(/usr/bin/python3 "$root/tools/dev/tally.py" ctest "$reports/gtest" "$reports/ctest.xml" "$status")"
  # shellcheck disable=SC2086 # three numbers
  test_count "$name" $counts "$log"
}

# ---- servers of the test run, with ports and data of their own

test_ports() {
  port_for kafka 19292 2
  port_for postgres 15433
}

test_servers_start() {
  if [[ -n "${OPENRUN_TEST_KAFKA:-}" ]]; then return 0; fi
  local -A setting=()
  local state="$test_dir"
  ports_choose test_ports
  if ! start_server kafka "${setting[port.kafka]}" "$test_dir" || ! start_server postgres "${setting[port.postgres]}" "$test_dir"; then
    test_count "the servers of the tests" 0 1 0 "$test_dir/log/kafka.log"
    return 1
  fi
  export OPENRUN_TEST_KAFKA="127.0.0.1:${setting[port.kafka]}"
  OPENRUN_TEST_DATABASE_URL="$(postgres_url "${setting[port.postgres]}")"
  export OPENRUN_TEST_DATABASE_URL
}

test_child_gone() { ! process_identity "$test_child" >/dev/null; }
test_behind_gone() { ! kill -0 -- "-$behind" 2>/dev/null; }

# Stops the servers, and every system that a test brought up in a directory of its own below the test directory.
test_clean_up() {
  local directory behind
  trap - EXIT INT TERM
  for behind in "${test_behind_pids[@]}"; do kill -- "-$behind" 2>/dev/null || true; done
  if [[ -n "${test_child:-}" ]]; then
    # It may want to clean up itself; whatever it leaves, or does not get to in that time, is stopped below.
    kill "$test_child" 2>/dev/null || true
    wait_until 60 test_child_gone || kill -KILL "$test_child" 2>/dev/null || true
  fi
  for behind in "${test_behind_pids[@]}"; do
    wait_until 30 test_behind_gone || kill -KILL -- "-$behind" 2>/dev/null || true
  done
  for directory in "$test_dir"/*/; do
    if [[ -s "$directory/settings" ]]; then OPENRUN_STATE="${directory%/}" "$root/dev" down </dev/null >/dev/null 2>&1 9>&- || true; fi
  done
  kafka_stop "$test_dir/run/kafka.pid" || true
  postgres_stop "$test_dir/run/postgres.pid" || true
}

# ---- the parts

test_lint() { lint_steps test_step test_program; }

test_unit() { test_ctest "unit tests" dev unit; }

test_sim() {
  test_ctest "simulation" dev sim
  test_script sim
}

test_integration() {
  test_servers_start || return 0
  test_ctest "adapters on Postgres" dev pg
  test_ctest "adapters on Kafka" dev kafka
  test_script integration
}

# tests/NAME/run.sh ARGUMENTS, where it is there, with the built programs. It finds what it needs in the environment:
# OPENRUN_BIN, OPENRUN_TEST_DIR, OPENRUN_TEST_KAFKA and OPENRUN_TEST_DATABASE_URL.
test_script() {
  local name="$1"
  shift
  [[ -x "$root/tests/$name/run.sh" ]] || return 0
  build_daemons || {
    test_count "$name: build" 0 1 0 "$state/build-dev.log"
    return 0
  }
  local shown="$name"
  if [[ "$name" == k8s ]]; then shown+=" ${1:-}"; fi
  OPENRUN_BIN="$bin_dir" OPENRUN_TEST_DIR="$test_dir" test_program "$shown" "$root/tests/$name/run.sh" "$@"
}

# The paths that differ most: commit and publication, commands, a zombie, a relay that repairs, a gateway that starts anew.
asan_integration=(test_pipeline.OpenRun test_pipeline.Commands test_pipeline.Zombie test_pipeline.RelayGuarantees
  test_pipeline.GatewayRestarted test_coupons.Redeeming test_coupons.EventStreams)

test_sanitizers() {
  test_ctest "unit tests, address and undefined" asan unit
  test_ctest "simulation, address and undefined" asan sim
  if test_servers_start; then
    test_ctest "Postgres, address and undefined" asan pg
    test_ctest "Kafka, address and undefined" asan kafka
    test_daemons_sanitized
  fi
  test_ctest "unit tests, threads" tsan unit "${tsan_suites[@]}"
}

# A part of the integration tests with daemons that are built with the sanitizers; a report in any log is a failure.
test_daemons_sanitized() {
  local name="integration, address and undefined"
  [[ -x "$root/tests/integration/run.sh" ]] || return 0
  build_targets asan "${daemon_targets[@]}" || {
    test_count "$name: build" 0 1 0 "$state/build-asan.log"
    return 0
  }
  OPENRUN_PRESET=asan OPENRUN_BIN="$root/build/asan/bin" OPENRUN_TEST_DIR="$test_dir" OPENRUN_TEST_STATE="$test_dir/integration-asan" \
    test_program "$name" "$root/tests/integration/run.sh" "${asan_integration[@]}"
}

test_fuzz() {
  local target targets
  mapfile -t targets < <(fuzz_targets)
  fuzz_build "${targets[@]}" || {
    test_count "fuzz: build" 0 1 0 "$state/build-asan.log"
    return 0
  }
  # From the same seed each time, as with chaos below, and briefly; ./dev fuzz goes new ways, longer.
  fuzz_all 10 1 "${targets[@]}"
  for target in "${targets[@]}"; do
    fuzz_report "$target"
    if ((fuzz_status[$target] == 0)); then test_count "fuzz $target" 1 0; else test_count "fuzz $target" 0 1 0 "$fuzz_dir/$target/log"; fi
  done
}

# The manifests, and then a cluster; its table is for whoever waits for it.
test_k8s() {
  test_script k8s manifests
  test_shown=yes
  test_script k8s cluster
}

# test_targets PRESET LABEL [SUITE...]: what those ctest entries need.
test_targets() { test_suites "$@" | cut -s -d ' ' -f 2- | tr ' ' '\n' | sort -u; }

# All programs, each public header by itself, and of the tests what is run as it is built by default.
test_build_programs() {
  local targets
  build_configure dev || return 1
  mapfile -t targets < <(
    test_targets dev unit "${dev_suites[@]}"
    test_targets dev sim
  )
  build_targets dev "${daemon_targets[@]}" headers_alone bench_programs "${targets[@]}"
}

# What later steps will find built, in their order; and clang-tidy, whose result is the result of this.
test_ahead() {
  local label targets
  build_configure asan && mapfile -t targets < <(test_targets asan unit)
  build_targets asan "${targets[@]}" || true
  mapfile -t targets < <(for label in sim pg kafka; do test_targets asan "$label"; done)
  build_targets asan "${targets[@]}" "${daemon_targets[@]}" fuzzers || true
  build_configure tsan && mapfile -t targets < <(test_targets tsan unit "${tsan_suites[@]}")
  build_targets tsan "${targets[@]}" || true
  build_targets next "${daemon_targets[@]}" || true
  lint_clang_tidy
}

# On two cores the sum of all CPU time decides: whatever waits runs beside what computes, and nothing computes twice.
test_everything() {
  # Kubernetes, which one of the last steps brings up: minutes, on a machine that has none yet.
  test_behind k8s-prepare "$root/tests/k8s/node.sh" --prepare
  test_lint
  if test_build_programs; then test_count "build of all programs" 1 0; else test_count "build of all programs" 0 1 0 "$state/build-dev.log"; fi
  test_behind ahead test_ahead
  test_ctest "unit tests, exhaustive" dev unit "${dev_suites[@]}"
  test_sim
  if test_servers_start; then test_script integration; fi
  # These wait for most of their time, and leave the cores to what is built behind them.
  test_script api
  test_script monitoring
  test_script k8s manifests
  test_script upgrade
  # Always the same plan: what is new shall fail here because of what was changed, and not because of the dice.
  test_script chaos --seed 1
  test_script e2e
  test_sanitizers
  # A little of what ./dev test k8s does, where a node can come up; elsewhere it says why not. It waits, and leaves the cores to clang-tidy.
  test_script k8s cluster --brief
  grep '^k8s: ' "$test_dir/log/k8s-cluster.log" || true
  test_fuzz
  test_step "clang-tidy" test_behind_result ahead
}

test_command() {
  local part="${1:-}"
  # What stands behind the part is for its script, and whoever gives it wants to see what it says.
  local arguments=("${@:2}") test_shown=""
  if ((${#arguments[@]})); then test_shown=yes; fi
  case "$part" in
    "" | unit | sim | integration | sanitizers | fuzz)
      [[ -z "$test_shown" ]] || usage_error "./dev test ${part:-(all)} takes no arguments"
      ;;
    api | monitoring | upgrade | chaos | e2e | k8s) [[ -x "$root/tests/$part/run.sh" ]] || die "there are no $part tests: tests/$part/run.sh is missing" ;;
    *) usage_error "there is no part \"$part\"; choose unit, sim, integration, api, monitoring, sanitizers, fuzz, upgrade, chaos, e2e or k8s, or none for all" ;;
  esac
  mkdir -p "$test_dir/log" "$test_dir/run" "$test_dir/reports"
  exec 9>"$test_dir/lock"
  flock -n 9 || die "another ./dev test is running here"
  test_started="$SECONDS"
  # A broker that lives for a minute pays more for the JVM's second compiler than it gets from it.
  export KAFKA_OPTS="${KAFKA_OPTS--XX:TieredStopAtLevel=1}"
  trap test_clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  packages_ensure test
  case "$part" in
    "") test_everything ;;
    unit | sim | integration | sanitizers | fuzz) "test_$part" ;;
    k8s) if ((${#arguments[@]})); then test_script k8s "${arguments[@]}"; else test_k8s; fi ;;
    *) test_script "$part" "${arguments[@]}" ;;
  esac
  test_clean_up
  local i
  for i in "${!test_failures[@]}"; do
    say "failed: ${test_failures[i]}${test_failure_logs[i]:+ (${test_failure_logs[i]})}"
    test_faults "${test_failure_logs[i]}" 30
  done
  if ((tests_skipped)); then say "$tests_skipped skipped"; fi
  say "$((SECONDS - test_started)) s"
  if ((tests_passed + tests_failed == 0)); then
    complain "dev: nothing was tested"
    tests_failed=1
  fi
  say "$tests_passed passed, $tests_failed failed"
  ((tests_failed == 0))
}
