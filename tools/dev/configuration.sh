# shellcheck shell=bash
# What the private system is configured with: ports, keys, the admin token, one YAML file for all daemons.

configuration_ports() {
  local number
  port_for kafka 9292 2
  port_for postgres 5433
  for ((number = 1; number <= ${setting[gateways]}; number++)); do port_for "gateway-$number" "$((8079 + number))"; done
  for ((number = 1; number <= ${setting[gateways]}; number++)); do port_for "grpc-$number" "$((9089 + number))"; done
  for ((number = 1; number <= ${setting[issuers]}; number++)); do port_for "issuer-$number" "$((9110 + number))"; done
  for ((number = 1; number <= ${setting[relays]}; number++)); do port_for "relay-$number" "$((9130 + number))"; done
  port_for reconciler-1 9151
  if ((${setting[gateways]} > 1)); then port_for haproxy 8070; fi
  configuration_second_port
}

# Scripts for waiting rooms insist on port 8000: the first gateway listens there too, where nobody else does.
configuration_second_port() {
  local port=8000
  if [[ "${setting[second-port]:-}" == "$port" ]] && is_running gateway-1; then return 0; fi
  unset "setting[second-port]"
  if ! port_taken "$port" && ! port_remembered_by_other "$port" "" && ! port_claimed_by_other "$port"; then
    setting[second-port]="$port"
  fi
}

configuration_secrets() {
  if [[ ! -s "$state/admin-token" ]]; then
    (umask 077 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$state/admin-token.new")
    mv "$state/admin-token.new" "$state/admin-token"
  fi
  if [[ ! -s "$state/keys.yaml" ]]; then
    rm -f "$state/keys.yaml"
    "$bin_dir/openrun" keys init --file "$state/keys.yaml" >/dev/null 9>&- || die "the keys could not be made"
    chmod 600 "$state/keys.yaml"
  fi
}

configuration_text() {
  cat <<YAML
# Written by ./dev up. Ports and names of single instances come from the environment (./dev status shows the ports).
kafka:
  brokers: 127.0.0.1:${setting[port.kafka]}
  partitions: ${setting[partitions]}
postgres:
  url: $(postgres_url "${setting[port.postgres]}")
keys:
  file: keys.yaml
connect:
  open_admin: true
gateway:
  grpc_port: 0
  admin_tokens:
    - name: dev
      token_file: admin-token
YAML
}

# Replaces a file only where its text changes; only this user may read it.
configuration_write() {
  local file="$1"
  (umask 077 && cat >"$file.new")
  if cmp -s "$file.new" "$file"; then rm -f "$file.new"; else mv "$file.new" "$file"; fi
}

configuration_haproxy() {
  local number servers="" files connections=20000
  # Two descriptors a connection, and some for itself.
  files="$(ulimit -n)"
  if [[ "$files" =~ ^[0-9]+$ ]] && ((files / 2 - 100 < connections)); then connections=$((files / 2 - 100)); fi
  for ((number = 1; number <= ${setting[gateways]}; number++)); do
    servers+="  server gateway-$number 127.0.0.1:${setting[port.gateway-$number]}"$'\n'
  done
  sed -e "s/@PORT@/${setting[port.haproxy]}/" -e "s/@CONNECTIONS@/$connections/" "$root/tools/dev/haproxy.cfg.in" |
    awk -v servers="$servers" '$0 == "@SERVERS@" {printf "%s", servers; next} {print}' | configuration_write "$state/haproxy.cfg"
}

configuration_environment() {
  local port="${setting[port.gateway-1]}"
  if ((${setting[gateways]} > 1)); then port="${setting[port.haproxy]}"; fi
  printf 'export OPENRUN_URL=http://127.0.0.1:%s\n' "$port"
  printf 'export OPENRUN_ADMIN_TOKEN=%s\n' "$(<"$state/admin-token")"
  printf 'export OPENRUN_DATABASE_URL=%s\n' "$(postgres_url "${setting[port.postgres]}")"
  printf 'export OPENRUN_KAFKA=127.0.0.1:%s\n' "${setting[port.kafka]}"
  printf 'export OPENRUN_CONFIG=%q\n' "$config_file"
  printf 'export PATH=%q:"%sPATH"\n' "$bin_dir" '$'
}
