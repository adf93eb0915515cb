# shellcheck shell=bash
# Where things are and what was remembered. To be sourced by ./dev, with `root` set.

state="${OPENRUN_STATE:-$root/.openrun}"
[[ "$state" == /* ]] || state="$root/$state"
run_dir="$state/run"
log_dir="$state/log"
config_file="$state/openrun.yaml"
# Whose programs are started: dev, or asan to run the whole system under the address and undefined-behaviour sanitizers.
build_preset="${OPENRUN_PRESET:-dev}"
build_dir="$root/build/$build_preset"
bin_dir="$build_dir/bin"

# What every program that is built with a sanitizer runs with: the first report ends it.
sanitizer_options=(
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-19/bin/llvm-symbolizer"
  "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:external_symbolizer_path=/usr/lib/llvm-19/bin/llvm-symbolizer"
)

# What the caller has open besides 0, 1 and 2 (a CI runner's pipe, a jobserver) must not live on in the daemons: the caller
# might wait for its end. 255 is bash's own: the script.
close_inherited_descriptors() {
  local descriptor
  for descriptor in "/proc/$$/fd"/*; do
    descriptor="${descriptor##*/}"
    if ((descriptor > 2 && descriptor != 255)); then eval "exec $descriptor>&-"; fi
  done
}

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }
die() {
  complain "dev: $*"
  exit 1
}
usage_error() {
  complain "dev: $*"
  exit 2
}

# Only this user may read what is in the state directory's secrets; the directory itself stays passable, because the
# database server may run as another user.
state_make() {
  mkdir -p "$state" "$run_dir" "$log_dir"
}

# state_lock [-s]: one `./dev` at a time changes the whole (with -s: several may change one process each). Children must not inherit descriptor 9, or they would hold the lock for ever.
state_lock() {
  state_make
  exec 9>"$state/lock"
  flock -n "$@" 9 || {
    complain "dev: another ./dev is at work here; waiting for it"
    flock -w 900 "$@" 9 || die "the other ./dev has not finished within 15 minutes"
  }
}

# ---- settings: what `up` was told and which ports it chose, one name=value a line

declare -A setting=()

settings_load() {
  local name value
  setting=()
  [[ -r "$state/settings" ]] || return 0
  while IFS='=' read -r name value; do
    [[ "$name" =~ ^[a-z0-9_.-]+$ ]] && setting["$name"]="$value"
  done <"$state/settings"
  return 0
}

settings_save() {
  local name
  for name in "${!setting[@]}"; do printf '%s=%s\n' "$name" "${setting[$name]}"; done | sort >"$state/settings.new"
  mv "$state/settings.new" "$state/settings"
}

# ---- waiting

# wait_until SECONDS COMMAND...: true as soon as the command succeeds.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
