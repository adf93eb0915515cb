# shellcheck shell=bash
# ./dev fuzz: clang's libFuzzer on the targets of tests/fuzz, as many at a time as there are cores.

fuzz_seconds_default=60
fuzz_input_bytes_max=4096
fuzz_dir="$state/test/fuzz"

fuzz_targets() { find "$root/tests/fuzz/corpus" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort; }

fuzz_build() {
  local target programs=()
  for target; do programs+=("fuzz_$target"); done
  build_targets asan "${programs[@]}"
}

# fuzz_start TARGET SECONDS [SEED]: in the background; its pid is $!. What it finds new it keeps in .openrun/test/fuzz/TARGET/corpus, and
# goes on from there the next time.
fuzz_start() {
  local target="$1" seconds="$2" seed="${3:-0}" dir="$fuzz_dir/$1" options=()
  mkdir -p "$dir/corpus"
  if [[ -f "$root/tests/fuzz/dictionaries/$target.dict" ]]; then options+=("-dict=$root/tests/fuzz/dictionaries/$target.dict"); fi
  # Below $dir, so that a program that is stopped leaves nothing in the system's folder for temporary files.
  env "${sanitizer_options[@]}" TMPDIR="$dir" \
    "$root/build/asan/tests/fuzz_$target" -seed="$seed" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -max_len="$fuzz_input_bytes_max" -print_final_stats=1 -print_funcs=0 -artifact_prefix="$dir/" "${options[@]}" \
    "$dir/corpus" "$root/tests/fuzz/corpus/$target" </dev/null >"$dir/log" 2>&1 9>&- &
}

# fuzz_all SECONDS SEED TARGET...: runs them (seed 0: another one each time); their exit codes are in fuzz_status afterwards.
declare -A fuzz_status=()
fuzz_all() {
  local seconds="$1" seed="$2" target finished status
  local -A running=()
  shift 2
  trap 'kill "${!running[@]}" 2>/dev/null || true' RETURN
  for target; do
    if ((${#running[@]} >= $(nproc))); then fuzz_reap; fi
    fuzz_start "$target" "$seconds" "$seed"
    running[$!]="$target"
  done
  while ((${#running[@]})); do fuzz_reap; done
}
fuzz_reap() {
  status=0
  wait -n -p finished "${!running[@]}" || status=$?
  fuzz_status["${running[$finished]}"]="$status"
  unset "running[$finished]"
}

# fuzz_report TARGET: executions, executions a second, edges covered, inputs in the corpus; and how to repeat what was found.
fuzz_report() {
  local target="$1" log="$fuzz_dir/$1/log" found
  awk -v target="$target" '
    /^stat::number_of_executed_units:/ { executions = $2 }
    /^stat::average_exec_per_sec:/ { pace = $2 }
    / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") edges = $(i + 1); if ($i == "corp:") split($(i + 1), inputs, "/") } }
    END { printf "fuzz %-14s %9d executions %7d a second %6d edges %5d inputs\n", target, executions, pace, edges, inputs[1] }' "$log"
  ((fuzz_status[$target] == 0)) && return 0
  found="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
  grep -m 3 -E 'broken promise|runtime error|ERROR: |^SUMMARY' "$log" || tail -n 5 "$log"
  say "fuzz $target: it ended with ${fuzz_status[$target]}; see $log"
  if [[ -n "$found" ]]; then say "to repeat it: build/asan/tests/fuzz_$target $found"; fi
}

fuzz_command() {
  local seconds="$fuzz_seconds_default" target targets=() known failed=0
  known=" $(fuzz_targets | tr '\n' ' ')"
  while (($#)); do
    case "$1" in
      --seconds) seconds="${2:-}" && shift ;;
      --seconds=*) seconds="${1#*=}" ;;
      *)
        [[ "$known" == *" $1 "* ]] || usage_error "there is no target \"$1\"; choose of:${known% }"
        targets+=("$1")
        ;;
    esac
    shift || usage_error "--seconds needs a number"
  done
  [[ "$seconds" =~ ^[1-9][0-9]{0,5}$ ]] || usage_error "--seconds is \"$seconds\"; choose 1 to 999999"
  if ((${#targets[@]} == 0)); then mapfile -t targets < <(fuzz_targets); fi
  packages_ensure test
  fuzz_build "${targets[@]}" || die "nothing was fuzzed"
  fuzz_all "$seconds" 0 "${targets[@]}"
  for target in "${targets[@]}"; do
    fuzz_report "$target"
    ((fuzz_status[$target] == 0)) || failed=1
  done
  return "$failed"
}
