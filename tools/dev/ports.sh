# shellcheck shell=bash
# Which ports a system gets. Several may be up on one machine, and the gateways share a port without complaint, so that a port
# that merely nobody listens on is not good enough: each choice is made under a lock and written down.

# A line for each port that a system of this user was given: the port, the pid of the ./dev that gave it, and the state
# directory of the system. A claim holds for as long as that ./dev lives, or a process that it started for the system: a machine
# on which many a clone has been tested would else run out of ports.
port_claims="/tmp/openrun-ports-$UID"

# The claims that hold, of other systems: port -> "PID DIRECTORY". Filled by ports_choose.
declare -A port_claimed=()

# Whether a claim holds: the pid of who made it, and the system's state directory.
port_claim_holds() {
  local file pid
  if [[ -d "/proc/$1" ]]; then return 0; fi
  for file in "$2"/run/*.pid; do
    pid=""
    { IFS= read -r pid <"$file"; } 2>/dev/null || true
    if [[ -n "$pid" && -d "/proc/$pid" ]]; then return 0; fi
  done
  return 1
}

port_claims_read() {
  local port pid owner
  local -A holds=()
  port_claimed=()
  while read -r port pid owner; do
    if [[ -z "$owner" || "$owner" == "$state" ]]; then continue; fi
    if [[ -z "${holds[$pid $owner]:-}" ]]; then
      if port_claim_holds "$pid" "$owner"; then holds["$pid $owner"]=yes; else holds["$pid $owner"]=no; fi
    fi
    if [[ "${holds[$pid $owner]}" == yes ]]; then port_claimed["$port"]="$pid $owner"; fi
  done <"$port_claims"
}

# Whether anybody on this machine listens on the TCP port, on whatever address.
port_taken() {
  local hex
  printf -v hex '%04X' "$1"
  grep -Eqs ": [0-9A-F]+:$hex [0-9A-F]+:[0-9A-F]{4} 0A " /proc/net/tcp /proc/net/tcp6
}

# Whether another process of this system was given the port, running or not.
port_remembered_by_other() {
  local name port="$1" mine="$2"
  for name in "${!setting[@]}"; do
    [[ "$name" == port.* && "$name" != "port.$mine" ]] || continue
    [[ "${setting[$name]}" == "$port" ]] && return 0
    # Kafka's controller listens one above its broker.
    [[ "$name" == port.kafka && $((setting[$name] + 1)) == "$port" ]] && return 0
  done
  return 1
}

# Whether another system was given the port and still has it.
port_claimed_by_other() { [[ -n "${port_claimed[$1]:-}" ]]; }

# port_for NAME FIRST [WIDTH]: the remembered port of a process, else the first free one from FIRST on. Only under ports_choose.
port_for() {
  local name="$1" port="${setting[port.$1]:-}" first="$2" width="${3:-1}" next
  if [[ -n "$port" ]] && { is_running "$name" || { ! port_taken "$port" && ! port_claimed_by_other "$port"; }; }; then return 0; fi
  for ((port = first; port < first + 400; port++)); do
    for ((next = port; next < port + width; next++)); do
      if port_taken "$next" || port_remembered_by_other "$next" "$name" || port_claimed_by_other "$next"; then continue 2; fi
    done
    setting["port.$name"]="$port"
    return 0
  done
  die "no free port for $name between $first and $((first + 400))"
}

# ports_choose COMMAND...: runs what calls port_for, while no other system of this user chooses, and writes down what it chose.
ports_choose() {
  local port name
  exec 8>"$port_claims.lock"
  flock -w 60 8 || die "another ./dev has been choosing ports for a minute; see who holds $port_claims.lock"
  touch "$port_claims"
  port_claims_read
  "$@"
  {
    for port in "${!port_claimed[@]}"; do printf '%s %s\n' "$port" "${port_claimed[$port]}"; done
    for name in "${!setting[@]}"; do
      [[ "$name" == port.* || "$name" == second-port ]] || continue
      printf '%s %s %s\n' "${setting[$name]}" "$$" "$state"
      if [[ "$name" == port.kafka ]]; then printf '%s %s %s\n' "$((setting[$name] + 1))" "$$" "$state"; fi
    done
  } >"$port_claims.new"
  mv "$port_claims.new" "$port_claims"
  exec 8>&-
}
