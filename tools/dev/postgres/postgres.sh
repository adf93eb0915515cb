# shellcheck shell=bash
# The private PostgreSQL server of ./dev: functions to be sourced by a script that runs with `set -euo pipefail`.
#
#   postgres_start DIR PORT LOGFILE PIDFILE   initialises once, starts, waits until it answers, makes role and database
#   postgres_stop  PIDFILE                    fast shutdown; open transactions are rolled back
#   postgres_wipe  DIR                        deletes what postgres_start made (the server must be stopped)
#   postgres_url   PORT                       the connection string for the daemons
#
# Each may be called twice in a row and after a crash. Messages go to stderr; the return code is 0 when it is so.
# Listens on 127.0.0.1 and on a socket inside DIR. The server keeps what it acknowledged: fsync and synchronous_commit are on.

postgres_say() { printf 'postgres: %s\n' "$*" >&2; }

postgres_url() { printf 'postgresql://openrun@127.0.0.1:%s/openrun\n' "$1"; }

# The folder with the newest server of version 15 or later.
postgres_binaries() {
  local folder version best="" best_version=14
  for folder in /usr/lib/postgresql/*/bin; do
    version=$(basename "$(dirname "$folder")")
    if [[ -x $folder/postgres && -x $folder/initdb && $version =~ ^[0-9]+$ && $version -gt $best_version ]]; then
      best=$folder best_version=$version
    fi
  done
  if [[ -z $best ]] && command -v postgres >/dev/null && command -v initdb >/dev/null; then
    best=$(dirname "$(readlink -f "$(command -v postgres)")")
  fi
  if [[ -z $best ]]; then
    postgres_say "no server of version 15 or later found; on Debian: apt-get install --no-install-recommends postgresql"
    return 1
  fi
  printf '%s\n' "$best"
}

# The server refuses to run as root: then it runs as the system user that Debian's package makes.
postgres_as_server_user() {
  if [[ $(id -u) -ne 0 ]]; then
    "$@"
  elif id postgres >/dev/null 2>&1; then
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
  else
    postgres_say "there is no system user postgres to run the server as; install the package postgresql"
    return 1
  fi
}

# Where data and socket really are: DIR, or a folder under /var/lib where the server's user cannot reach DIR (a clone below
# /root, say: loosening somebody's home is not ours to do). DIR/elsewhere then points there.
postgres_home() {
  local dir=$1 elsewhere
  if [[ -L $dir/elsewhere ]]; then
    readlink -f "$dir/elsewhere"
  elif postgres_as_server_user test -x "$dir"; then
    printf '%s\n' "$dir"
  else
    elsewhere=/var/lib/openrun/postgres-$(printf '%s' "$dir" | sha256sum | cut -c1-12)
    postgres_say "the user postgres cannot enter $dir; keeping the data in $elsewhere"
    mkdir -p "$elsewhere"
    chmod 0755 /var/lib/openrun
    ln -sfn "$elsewhere" "$dir/elsewhere"
    printf '%s\n' "$elsewhere"
  fi
}

postgres_own() {
  if [[ $(id -u) -eq 0 ]]; then chown -R postgres: "$@"; fi
}

# The postmaster of this data directory, if it runs. A pid alone proves nothing after a crash: another process may have it.
postgres_running_pid() {
  local data=$1 pid
  pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$data" ]] || return 1
  printf '%s\n' "$pid"
}

# After SIGKILL of the postmaster its children may live on for a moment, and a new one refuses to start beside them.
postgres_clear_after_crash() {
  local data=$1 link pid deadline=$((SECONDS + 20)) found
  postgres_running_pid "$data" >/dev/null && return 0
  while :; do
    found=""
    for link in /proc/[0-9]*/cwd; do
      [[ $(readlink "$link" 2>/dev/null) == "$data" ]] || continue
      pid=${link#/proc/} pid=${pid%/cwd}
      [[ $(cat "/proc/$pid/comm" 2>/dev/null) == postgres* ]] || continue
      found=$pid
      kill -QUIT "$pid" 2>/dev/null || true
    done
    [[ -z $found || $SECONDS -ge $deadline ]] && break
    sleep 0.1
  done
  # The lock of the socket names a pid as well, which may belong to somebody else, or to a postmaster that is not reaped yet.
  rm -f "$data/postmaster.pid" "${data%/data}"/socket/.s.PGSQL.*
}

postgres_write_settings() {
  local data=$1 port=$2 socket=$3
  # A socket's path is at most 107 bytes; TCP is there in any case.
  if ((${#socket} > 85)); then socket=""; fi
  cat >"$data/openrun.conf" <<SETTINGS
# Written anew at every start by tools/dev/postgres/postgres.sh.
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$socket'
unix_socket_permissions = 0700
max_connections = 200
max_prepared_transactions = 4
shared_buffers = 512MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = off
max_wal_size = 4GB
min_wal_size = 2GB
checkpoint_timeout = 15min
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a '
# Values of a row can be somebody's user id: they stay out of the log.
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_min_error_statement = panic
SETTINGS
}

postgres_initialise() {
  local binaries=$1 data=$2
  [[ -f $data/PG_VERSION && -f $data/openrun.initialised ]] && return 0
  # A directory without the mark is the rest of an initialisation that was broken off; nothing has ever run in it.
  rm -rf "$data"
  mkdir -p "$data"
  chmod 0700 "$data"
  postgres_own "$data"
  postgres_as_server_user "$binaries/initdb" --pgdata="$data" --username=postgres --auth=trust --locale=C --encoding=UTF8 \
    --no-instructions >/dev/null || return 1
  printf "include_if_exists 'openrun.conf'\n" >>"$data/postgresql.conf"
  touch "$data/openrun.initialised"
  postgres_own "$data"
}

postgres_answers() {
  local binaries=$1 port=$2
  "$binaries/psql" --no-psqlrc -h 127.0.0.1 -p "$port" -U postgres -d postgres -Atqc 'SELECT 1' >/dev/null 2>&1
}

postgres_make_role_and_database() {
  local psql=("$1/psql" --no-psqlrc -h 127.0.0.1 -p "$2" -U postgres -d postgres -v ON_ERROR_STOP=1 -Atqc)
  if [[ $("${psql[@]}" "SELECT 1 FROM pg_roles WHERE rolname = 'openrun'") != 1 ]]; then
    # The tests make databases of their own.
    "${psql[@]}" "CREATE ROLE openrun LOGIN CREATEDB" || return 1
  fi
  if [[ $("${psql[@]}" "SELECT 1 FROM pg_database WHERE datname = 'openrun'") != 1 ]]; then
    "${psql[@]}" "CREATE DATABASE openrun OWNER openrun" || return 1
  fi
}

postgres_start() {
  local dir=$1 port=$2 log=$3 pidfile=$4 binaries home data pid deadline
  binaries=$(postgres_binaries) || return 1
  mkdir -p "$dir" "$(dirname "$log")" "$(dirname "$pidfile")"
  dir=$(readlink -f "$dir")
  home=$(postgres_home "$dir") || return 1
  data=$home/data
  if pid=$(postgres_running_pid "$data") && postgres_answers "$binaries" "$port"; then
    printf '%s\n' "$pid" >"$pidfile"
    postgres_make_role_and_database "$binaries" "$port"
    return
  fi
  postgres_initialise "$binaries" "$data" || { postgres_say "initdb failed in $data"; return 1; }
  mkdir -p "$home/socket"
  postgres_own "$home/socket"
  if ! postgres_running_pid "$data" >/dev/null; then
    postgres_clear_after_crash "$data"
    postgres_write_settings "$data" "$port" "$home/socket"
    # The job becomes the server by exec: a shell that stayed as its parent would keep the caller's output open for ever.
    local as_server_user=()
    if [[ $(id -u) -eq 0 ]]; then as_server_user=(setpriv --reuid=postgres --regid=postgres --init-groups --); fi
    (cd / && exec setsid "${as_server_user[@]}" "$binaries/postgres" -D "$data") </dev/null >>"$log" 2>&1 &
    disown
  fi
  deadline=$((SECONDS + 60))
  until pid=$(postgres_running_pid "$data") && postgres_answers "$binaries" "$port"; do
    # A start that fails (port taken, broken settings) ends at once; recovery after a crash may take a while.
    if ((SECONDS >= deadline)) || { ((SECONDS >= deadline - 57)) && ! postgres_running_pid "$data" >/dev/null; }; then
      postgres_say "the server did not start on port $port; the end of $log:"
      tail -n 5 "$log" >&2 || true
      return 1
    fi
    sleep 0.1
  done
  printf '%s\n' "$pid" >"$pidfile"
  postgres_make_role_and_database "$binaries" "$port"
}

# Whether it runs; a process that has ended and that nobody has asked about yet does not.
postgres_alive() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  [[ $(cat "/proc/$1/comm" 2>/dev/null) == postgres* && ${stat##*) } != [ZX]* ]]
}

postgres_stop() {
  local pidfile=$1 pid signal deadline
  pid=$(cat "$pidfile" 2>/dev/null) || return 0
  for signal in INT QUIT KILL; do
    if [[ ! $pid =~ ^[0-9]+$ ]] || ! postgres_alive "$pid"; then break; fi
    # Who is frozen (SIGSTOP) would hear nothing, and a frozen child would outlive its postmaster.
    # shellcheck disable=SC2046 # many numbers
    kill -CONT "$pid" $(ps -o pid= --ppid "$pid") 2>/dev/null || true
    kill -"$signal" "$pid" 2>/dev/null || break
    deadline=$((SECONDS + 30))
    while postgres_alive "$pid" && ((SECONDS < deadline)); do sleep 0.1; done
  done
  rm -f "$pidfile"
}

postgres_wipe() {
  local dir=$1 home
  [[ -d $dir ]] || return 0
  dir=$(readlink -f "$dir")
  home=$dir
  if [[ -L $dir/elsewhere ]]; then home=$(readlink -f "$dir/elsewhere"); fi
  if postgres_running_pid "$home/data" >/dev/null; then
    postgres_say "the server in $home still runs; stop it first"
    return 1
  fi
  rm -rf "$home/data" "$home/socket"
  if [[ $home != "$dir" ]]; then rm -rf "$home"; fi
  rm -f "$dir/elsewhere"
}
