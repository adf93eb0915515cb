# shellcheck shell=bash
# The whole private system: up, env, status, down, and one process of it.

# shellcheck source=tools/dev/configuration.sh
source "$root/tools/dev/configuration.sh"

system_up_options() {
  local name value
  while (($#)); do
    case "$1" in
      --gateways | --issuers | --relays | --partitions) name="${1#--}" value="${2:-}" ;;
      --gateways=* | --issuers=* | --relays=* | --partitions=*) name="${1%%=*}" name="${name#--}" value="${1#*=}" ;;
      *) usage_error "up does not know $1; it takes --gateways --issuers --relays --partitions, each with a number" ;;
    esac
    [[ "$value" =~ ^[1-9][0-9]{0,2}$ ]] || usage_error "--$name is \"$value\"; choose a number from 1 to 999"
    if [[ "$name" == partitions ]] && ((value < ${setting[partitions]:-1})); then
      usage_error "there are ${setting[partitions]} partitions; Kafka can add some but never take one away (./dev down --wipe starts anew)"
    fi
    setting["$name"]="$value"
    if [[ "$1" == *=* ]]; then shift; else shift 2; fi
  done
  : "${setting[gateways]:=1}" "${setting[issuers]:=1}" "${setting[relays]:=1}" "${setting[partitions]:=4}"
}

# Instances that are no longer asked for, last ones first; their ports are free again.
system_stop_surplus() {
  local name wanted
  wanted=" $(names_wanted | tr '\n' ' ')"
  for name in $(names_known | sort -r); do
    [[ "$wanted" == *" $name "* ]] && continue
    if is_running "$name"; then say "stopping $name"; fi
    stop_process "$name"
  done
  for name in "${!setting[@]}"; do
    if [[ "$name" == port.* && "$wanted" != *" ${name#port.} "* ]]; then unset "setting[$name]"; fi
  done
}

system_start_servers() {
  local kafka
  if ! is_running kafka; then say "starting kafka on 127.0.0.1:${setting[port.kafka]}"; fi
  if ! is_running postgres; then say "starting postgres on 127.0.0.1:${setting[port.postgres]}"; fi
  start_process kafka &
  kafka=$!
  start_process postgres || die "postgres did not start"
  wait "$kafka" || die "kafka did not start"
}

system_prepare() {
  local step
  for step in migrate "topics create"; do
    # shellcheck disable=SC2086 # two words
    "$bin_dir/openrun" $step --config "$config_file" >"$log_dir/${step%% *}.log" 2>&1 9>&- || {
      cat "$log_dir/${step%% *}.log" >&2
      die "openrun $step failed"
    }
  done
}

# Restarts what runs with another configuration or another build than now.
system_start_daemons() {
  local name
  for name in $(names_wanted); do
    [[ "$name" != kafka && "$name" != postgres ]] || continue
    if is_running "$name" && [[ "$(cat "$run_dir/$name.launched" 2>/dev/null)" != "$(launch_signature "$name")" ]]; then
      say "restarting $name: its program or configuration has changed"
      stop_process "$name"
    fi
    if ! is_running "$name"; then say "starting $name on 127.0.0.1:${setting[port.$name]}"; fi
    start_process "$name" || die "$name did not start"
  done
}

# What /readyz says: 200, 503, or 000 where nobody answers.
readiness_of() {
  curl -s -o /dev/null -m 2 -w '%{http_code}' "http://127.0.0.1:${setting[port.$1]}/readyz" 2>/dev/null 9>&- || true
}

system_wait_ready() {
  local name code deadline=$((SECONDS + 90)) told=$((SECONDS + 5))
  for name in $(names_wanted); do
    [[ "$name" != kafka && "$name" != postgres ]] || continue
    until code="$(readiness_of "$name")" && [[ "$code" == 200 ]]; do
      is_running "$name" || {
        tail -n 20 "$log_dir/$name.log" >&2
        die "$name has ended; the end of $log_dir/$name.log is above"
      }
      ((SECONDS < deadline)) || {
        curl -s -m 2 "http://127.0.0.1:${setting[port.$name]}/readyz" >&2 9>&- || true
        die "$name is not ready after 90 s (last answer of /readyz: $code); see $log_dir/$name.log"
      }
      if ((SECONDS >= told)); then
        say "waiting for $name ($code)"
        told=$((SECONDS + 5))
      fi
      sleep 0.1
    done
  done
}

system_up() {
  settings_load
  system_up_options "$@"
  state_lock
  settings_load
  system_up_options "$@"
  # Another compiler builds for the sanitizers.
  if [[ "$build_preset" == asan ]]; then packages_ensure test; else packages_ensure up; fi
  # As many connections as this user may have.
  ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
  build_daemons || die "nothing was started"
  stop_orphans
  system_stop_surplus
  ports_choose configuration_ports
  settings_save
  configuration_secrets
  configuration_text | configuration_write "$config_file"
  env | grep -E '^OPENRUN_[A-Z]+__[A-Z0-9_]+=' | sort | configuration_write "$state/overrides" || true
  if ((${setting[gateways]} > 1)); then configuration_haproxy; fi
  configuration_environment | configuration_write "$state/env"
  system_start_servers
  system_prepare
  system_start_daemons
  system_wait_ready
  say "openrun is ready: $(sed -n 's/^export OPENRUN_URL=//p' "$state/env")/"
}

system_env() {
  [[ -s "$state/env" ]] || die "nothing is set up here yet; ./dev up does it"
  cat "$state/env"
}

system_status() {
  local name pid code all_well=0
  settings_load
  [[ -s "$state/env" ]] || {
    say "nothing is set up here yet; ./dev up does it"
    return 1
  }
  printf '%-14s %-10s %8s %6s\n' NAME STATE PID PORT
  for name in $(names_wanted); do
    pid="-" code="stopped"
    if is_running "$name"; then
      pid="$(pid_of "$name")" code="running"
      if [[ "$name" != kafka && "$name" != postgres ]]; then
        [[ "$(readiness_of "$name")" == 200 ]] && code="ready" || code="not ready"
      fi
    fi
    [[ "$code" == ready || "$code" == running ]] || all_well=1
    printf '%-14s %-10s %8s %6s\n' "$name" "$code" "$pid" "${setting[port.$name]:--}"
  done
  return "$all_well"
}

process_alive() {
  is_running "$1" || die "$1 has ended; see $log_dir/$1.log"
  [[ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "http://127.0.0.1:${setting[port.$1]}/livez" 9>&-)" == 200 ]]
}

# system_one start|stop|kill NAME
system_one() {
  local action="$1" name="${2:-}"
  (($# == 2)) || usage_error "usage: ./dev $action NAME"
  settings_load
  [[ -s "$state/env" ]] || die "nothing is set up here yet; ./dev up does it"
  [[ $'\n'"$(names_wanted)"$'\n' == *$'\n'"$name"$'\n'* ]] ||
    usage_error "there is no \"$name\"; there are: $(names_wanted | tr '\n' ' ')"
  state_lock -s
  case "$action" in
    stop) stop_process "$name" ;;
    kill) kill_process "$name" ;;
    start)
      start_process "$name" || die "$name did not start; see $log_dir/$name.log"
      case "$name" in
        kafka | postgres | haproxy) ;;
        *) wait_until 20 process_alive "$name" || die "$name does not answer; see $log_dir/$name.log" ;;
      esac
      ;;
  esac
}

system_down() {
  local wipe="" name kind
  case "${1:-}" in
    "") ;;
    --wipe) wipe=yes ;;
    *) usage_error "down knows only --wipe" ;;
  esac
  [[ -d "$state" ]] || return 0
  state_lock
  settings_load
  # Clients before servers; daemons of one kind at the same time.
  for kind in haproxy gateway relay issuer reconciler; do
    for name in $(names_known); do
      [[ "${name%-*}" == "$kind" ]] && stop_process "$name" &
    done
    wait
  done
  stop_process kafka &
  stop_process postgres
  wait
  stop_orphans
  rm -f "$run_dir"/*.pid "$run_dir"/*.start "$run_dir"/*.launched
  if [[ -n "$wipe" ]]; then
    postgres_wipe "$state/postgres" || die "the database's directory could not be deleted"
    find "$state" -mindepth 1 -maxdepth 1 ! -name test ! -name lock -exec rm -rf {} +
  fi
}
