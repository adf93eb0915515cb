# shellcheck shell=bash
# One process each: is it the one we started, start it, stop it, kill it. Pids in run/NAME.pid; run/NAME.start holds the
# machine's boot and the process's start time, so that a pid that was given to somebody else since is never mistaken for ours.

# shellcheck source=tools/dev/kafka/kafka.sh
source "$root/tools/dev/kafka/kafka.sh"
# shellcheck source=tools/dev/postgres/postgres.sh
source "$root/tools/dev/postgres/postgres.sh"

# "BOOT START" of a live process; fails for a dead or a defunct one.
process_identity() {
  local stat fields
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -r -a fields <<<"${stat##*) }"
  [[ "${fields[0]}" != [ZX] ]] || return 1
  printf '%s %s\n' "$(</proc/sys/kernel/random/boot_id)" "${fields[19]}"
}

pid_of() {
  local pid
  pid="$(cat "$run_dir/$1.pid" 2>/dev/null)" || return 1
  [[ "$pid" =~ ^[0-9]+$ ]] && printf '%s\n' "$pid"
}

remember_process() {
  local name="$1" pid="$2"
  process_identity "$pid" >"$run_dir/$name.start" || return 1
  printf '%s\n' "$pid" >"$run_dir/$name.pid"
}

forget_process() { rm -f "$run_dir/$1.pid" "$run_dir/$1.start" "$run_dir/$1.launched"; }

is_running() {
  local pid identity
  pid="$(pid_of "$1")" || return 1
  identity="$(process_identity "$pid")" || return 1
  [[ "$identity" == "$(cat "$run_dir/$1.start" 2>/dev/null)" ]]
}

# The program of a daemon's name: gateway-2 -> openrun-gateway.
program_of() { printf 'openrun-%s\n' "${1%-*}"; }

# All instances that the settings ask for, in the order of their start.
names_wanted() {
  local kind number
  printf 'kafka\npostgres\n'
  for kind in issuer relay reconciler gateway; do
    for ((number = 1; number <= ${setting[${kind}s]:-1}; number++)); do printf '%s-%s\n' "$kind" "$number"; done
  done
  if ((${setting[gateways]:-1} > 1)); then printf 'haproxy\n'; fi
}

# All that have a pid file.
names_known() {
  local file
  for file in "$run_dir"/*.pid; do
    [[ -e "$file" ]] || continue
    file="${file##*/}"
    printf '%s\n' "${file%.pid}"
  done
}

# The environment in which an instance runs, as name=value lines: what differs from the common configuration. First the
# overrides that `up` was called with (OPENRUN_ISSUER__BATCH_MAX=100 ./dev up), which a later `start` must not forget.
environment_of() {
  local name="$1" port="${setting[port.$1]:-}"
  cat "$state/overrides" 2>/dev/null || true
  if [[ "$build_preset" == asan ]]; then printf '%s\n' "${sanitizer_options[@]}"; fi
  case "$name" in
    gateway-*)
      printf 'OPENRUN_GATEWAY__PORT=%s\nOPENRUN_GATEWAY__GRPC_PORT=%s\n' "$port" "${setting[port.grpc-${name#gateway-}]:-0}"
      if [[ "$name" == gateway-1 && -n "${setting[second-port]:-}" ]]; then
        printf 'OPENRUN_GATEWAY__SECOND_PORT=%s\n' "${setting[second-port]}"
      fi
      ;;
    issuer-*) printf 'OPENRUN_ISSUER__METRICS_PORT=%s\nOPENRUN_ISSUER__INSTANCE_ID=%s\n' "$port" "$name" ;;
    relay-*) printf 'OPENRUN_RELAY__METRICS_PORT=%s\nOPENRUN_RELAY__INSTANCE_ID=%s\n' "$port" "$name" ;;
    reconciler-*) printf 'OPENRUN_RECONCILER__METRICS_PORT=%s\n' "$port" ;;
  esac
}

# What an instance would be started with now. Another one than it was started with: `up` restarts it.
launch_signature() {
  local name="$1"
  case "$name" in
    haproxy) cksum <"$state/haproxy.cfg" ;;
    *) { environment_of "$name"; cat "$config_file" "$state/keys.yaml" "$state/admin-token"; stat -c '%Y %i' "$bin_dir/$(program_of "$name")"; } | cksum ;;
  esac
}

launch() {
  local name="$1" log="$log_dir/$1.log" pid
  shift
  # A session of its own: a Ctrl-C at the terminal ends ./dev, not the daemon.
  setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
  pid=$!
  disown
  remember_process "$name" "$pid" || die "$name ended at once; see $log"
}

# start_server kafka|postgres PORT BASE: its data in BASE/NAME, beside BASE/log and BASE/run. In a subshell that has given up
# the lock and the caller's output, because what is open here stays open in whatever lives on.
start_server() {
  local name="$1" port="$2" base="$3" said="$3/log/$1.start.log"
  (
    exec 9>&- </dev/null >"$said" 2>&1
    "${name}_start" "$base/$name" "$port" "$base/log/$name.log" "$base/run/$name.pid"
  ) || {
    cat "$said" >&2
    return 1
  }
}

start_process() {
  local name="$1" variables pid
  is_running "$name" && return 0
  forget_process "$name"
  case "$name" in
    kafka)
      start_server kafka "${setting[port.kafka]}" "$state" || return 1
      remember_process kafka "$(pid_of kafka)"
      ;;
    postgres)
      start_server postgres "${setting[port.postgres]}" "$state" || return 1
      pid="$(pid_of postgres)" && remember_process postgres "$pid"
      ;;
    haproxy)
      launch haproxy haproxy -db -f "$state/haproxy.cfg"
      launch_signature haproxy >"$run_dir/haproxy.launched"
      ;;
    *)
      mapfile -t variables < <(environment_of "$name")
      launch_signature "$name" >"$run_dir/$name.launched"
      # Somebody else may have taken it since it was chosen; the gateway is worth more than its second port.
      if [[ "$name" == gateway-1 && -n "${setting[second-port]:-}" ]] && port_taken "${setting[second-port]}"; then
        variables+=(OPENRUN_GATEWAY__SECOND_PORT=0)
      fi
      launch "$name" env "${variables[@]}" "$bin_dir/$(program_of "$name")" --config "$config_file"
      ;;
  esac
}

process_gone() { ! is_running "$1"; }

# SIGTERM, and SIGKILL where that does not help within 30 s.
stop_process() {
  local name="$1" pid
  is_running "$name" || {
    forget_process "$name"
    return 0
  }
  pid="$(pid_of "$name")"
  case "$name" in
    kafka) kafka_stop "$run_dir/kafka.pid" ;;
    postgres) postgres_stop "$run_dir/postgres.pid" ;;
    *)
      # A stopped (SIGSTOP) process would never see the SIGTERM.
      kill -TERM "$pid" 2>/dev/null || true
      kill -CONT "$pid" 2>/dev/null || true
      if ! wait_until 30 process_gone "$name"; then
        complain "dev: $name has not ended within 30 s after SIGTERM; SIGKILL"
        kill -KILL "$pid" 2>/dev/null || true
      fi
      ;;
  esac
  wait_until 5 process_gone "$name" || true
  forget_process "$name"
}

kill_process() {
  local name="$1" pid
  is_running "$name" || die "$name is not running"
  pid="$(pid_of "$name")"
  kill -KILL "$pid"
  wait_until 10 process_gone "$name" || die "$name (pid $pid) is still there after SIGKILL"
  forget_process "$name"
}

# Processes of this state directory that no pid file names any more (a deleted run directory, say). Never those of a test run,
# which has a directory of its own below.
orphans() {
  local directory pid command program known=" "
  for pid in $(names_known); do known+="$(pid_of "$pid") "; done
  for directory in /proc/[0-9]*; do
    pid="${directory#/proc/}"
    [[ "$known" != *" $pid "* ]] || continue
    { command="$(tr '\0' ' ' <"$directory/cmdline")"; } 2>/dev/null || continue
    program="$(basename "${command%% *}")"
    case "$program" in
      openrun-gateway | openrun-issuer | openrun-relay | openrun-reconciler) [[ "$command" == *" --config $config_file "* ]] || continue ;;
      haproxy) [[ "$command" == *" -f $state/haproxy.cfg "* ]] || continue ;;
      java) [[ "$command" == *" kafka.Kafka $state/kafka/server.properties "* ]] || continue ;;
      postgres) [[ "$command" == *" -D $state/postgres/data "* ]] || continue ;;
      *) continue ;;
    esac
    process_identity "$pid" >/dev/null && printf '%s %s\n' "$pid" "$program"
  done
}

stop_orphans() {
  local pid program
  while read -r pid program; do
    complain "dev: stopping $program (pid $pid): it belongs to $state, but no pid file names it"
    kill -CONT "$pid" 2>/dev/null || true
    if [[ "$program" == postgres ]]; then kill -INT "$pid"; else kill -TERM "$pid"; fi 2>/dev/null || continue
    wait_until 20 pid_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
  done < <(orphans)
}
pid_gone() { ! process_identity "$1" >/dev/null; }
