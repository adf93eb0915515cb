# shellcheck shell=bash
# ./dev lint and ./dev fmt. lint_steps is shared with ./dev test.

lint_cpp_files() {
  find "$root/libs" "$root/services" "$root/loadtest" "$root/tests" \( -name '*.cpp' -o -name '*.hpp' \) -type f | sort
}

lint_shell_files() {
  printf '%s\n' "$root/dev" "$root/.ci/run"
  find "$root/tools" "$root/tests" "$root/loadtest" "$root/k8s" "$root/config" -name '*.sh' -type f | sort
}

lint_clang_format() { lint_cpp_files | xargs -r -P 2 -n 40 clang-format-19 --dry-run -Werror; }

lint_format() {
  packages_ensure test
  lint_cpp_files | xargs -r -P 2 -n 40 clang-format-19 -i
}

lint_shellcheck() {
  local files
  mapfile -t files < <(lint_shell_files)
  # Left out: the parts of ./dev are sourced into one script and share its variables (SC1091, SC2034, SC2154), and an
  # associative array needs its dollar sign in arithmetic (SC2004).
  shellcheck --severity=style --external-sources --exclude=SC1091,SC2034,SC2154,SC2004 "${files[@]}"
}

# lint_steps STEP PROGRAM: the two functions take a name and a command; PROGRAM's command prints its own count.
lint_steps() {
  local step="$1" program="$2"
  "$step" "format" lint_clang_format
  "$step" "style" /usr/bin/python3 "$root/tools/lint/style.py"
  "$program" "the style rules see violations" /usr/bin/python3 "$root/tools/lint/style_test.py"
  "$program" "the count of tests sees failures" /usr/bin/python3 "$root/tools/dev/tally_test.py"
  "$program" "claims of ports hold while somebody lives" "$root/tools/dev/ports_test.sh"
  "$program" "the trace of the scheduler is read right" /usr/bin/python3 "$root/loadtest/bench/scheduled_test.py"
  "$program" "the lanes of the tests lose nothing" /usr/bin/python3 "$root/tests/integration/lanes_test.py"
  "$step" "shell scripts" lint_shellcheck
  "$program" "the planted bugs still apply" mutants_check
  "$program" "the dependency rule sees violations" "$root/tools/lint/tier_test.sh"
  if [[ -x "$root/tools/lint/purity.sh" ]]; then "$step" "purity of the core" lint_purity; fi
}

# The core's archive has no undefined symbol that is a clock, randomness, a lock or I/O.
lint_purity() {
  build_targets dev openrun_issuance && "$root/tools/lint/purity.sh" "$root/build/dev/libs/issuance/libopenrun_issuance.a"
}

# clang-tidy by the compile database of the dev build; what was clean and has not changed since is not checked again. It comes from PyPI:
# Debian's is older, looks for mistakes in the system's headers too, and so takes three times as long.
lint_clang_tidy() {
  [[ -f "$root/build/dev/compile_commands.json" ]] || {
    complain "dev: there is no build in $root/build/dev yet"
    return 1
  }
  local python="$root/build/lint-python"
  python_environment "$python" "$root/tools/lint/requirements.txt" || return 1
  PATH="$python/bin:$PATH" /usr/bin/python3 "$root/tools/lint/tidy.py" "$root/build/dev" --jobs "$(build_jobs)"
}

lint_tidy_step() { "$1" "clang-tidy" lint_clang_tidy; }

lint_plain_step() {
  local name="$1" output
  shift
  if output="$("$@" 2>&1 </dev/null)"; then
    say "ok      $name"
  else
    say "FAILED  $name"
    printf '%s\n' "$output"
    lint_failed=1
  fi
}

lint_command() {
  (($# == 0)) || usage_error "lint takes no arguments"
  lint_failed=0
  packages_ensure test
  lint_steps lint_plain_step lint_plain_step
  if [[ -f "$root/build/dev/compile_commands.json" ]]; then lint_tidy_step lint_plain_step; fi
  return "$lint_failed"
}
