# shellcheck shell=bash
# A private single-node Apache Kafka for development and tests. To be sourced; safe under `set -euo pipefail`.
# Needs java (17 or newer) and, for kafka_install, mvn; uses kcat where it is there.
#
#   kafka_install DIR                      puts the jars into DIR/libs, once; they are fetched once a clone, into build/
#   kafka_format  DIR PORT                 writes DIR/server.properties, with DIR/extra.properties at its end where that is there,
#                                          and makes the data directory DIR/data, once
#   kafka_start   DIR PORT LOGFILE PIDFILE installs and formats where needed; returns when the broker answers (0) or after
#                                          60 s without an answer (1). Starting a running broker does nothing.
#   kafka_stop    PIDFILE                  SIGTERM, and SIGKILL after 20 s. Stopping a stopped broker does nothing.
#
# The controller listens on PORT + 1. After a SIGKILL kafka_start finds all acknowledged records again.

kafka_source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# kafka_fetch DIR: the jars, whole or not at all: an interrupted download must not look like an installation. Under a lock, because
# several systems may be coming up, and Maven's own store is not made for two at a time.
kafka_fetch() {
  mkdir -p "$(dirname "$1")"
  (
    flock 7
    [[ ! -d "$1" ]] || exit 0
    rm -rf "$1.new"
    mkdir "$1.new"
    mvn -q -B -f "$kafka_source_dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$(cd "$1.new" && pwd)" && mv "$1.new" "$1"
  ) 7>"$1.lock"
}

kafka_install() {
  local dir="$1" version stamp
  version="$(cksum <"$kafka_source_dir/pom.xml" | tr ' ' '-')"
  stamp="$dir/libs/.pom.$version"
  [[ -e "$stamp" ]] && return 0
  kafka_fetch "$kafka_source_dir/../../../build/kafka-$version" || {
    echo "kafka: the jars of $kafka_source_dir/pom.xml could not be fetched" >&2
    return 1
  }
  rm -rf "$dir/libs" "$dir/libs.new"
  mkdir -p "$dir"
  cp -a "$kafka_source_dir/../../../build/kafka-$version" "$dir/libs.new" || return 1
  mv "$dir/libs.new" "$dir/libs"
  : >"$stamp"
}

kafka_java() {
  local dir="$1"
  shift
  java -cp "$dir/libs/*" -Dlog4j2.configurationFile="$kafka_source_dir/log4j2.xml" "$@"
}

kafka_format() {
  local dir="$1" port="$2"
  mkdir -p "$dir/data"
  dir="$(cd "$dir" && pwd)"
  sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$((port + 1))|g" -e "s|@DATA@|$dir/data|g" \
    "$kafka_source_dir/server.properties.in" >"$dir/server.properties"
  # What stands later counts: a test adds listeners with TLS here.
  if [[ -e "$dir/extra.properties" ]]; then cat "$dir/extra.properties" >>"$dir/server.properties"; fi
  [[ -e "$dir/data/meta.properties" ]] && return 0
  local cluster
  cluster="$(kafka_java "$dir" kafka.tools.StorageTool random-uuid)" || return 1
  kafka_java "$dir" kafka.tools.StorageTool format -t "$cluster" -c "$dir/server.properties" >/dev/null || {
    echo "kafka: $dir/data could not be formatted" >&2
    return 1
  }
}

# True while the process of PIDFILE is a broker. A pid that the system has given to something else since is none.
kafka_running() {
  local pidfile="$1" command
  [[ -s "$pidfile" ]] || return 1
  command="$(tr '\0' ' ' 2>/dev/null <"/proc/$(<"$pidfile")/cmdline")" 2>/dev/null || return 1
  [[ "$command" == *" kafka.Kafka "* ]]
}

kafka_listens() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

kafka_answers() {
  local port="$1" metadata
  kafka_listens "$port" || return 1
  command -v kcat >/dev/null || return 0
  # The listener opens before the broker is unfenced: it is ready when it names itself in its metadata.
  metadata="$(kcat -L -b "127.0.0.1:$port" -m 2 2>/dev/null)" || return 1
  [[ "$metadata" == *"broker 1 at 127.0.0.1:$port"* ]]
}

kafka_start() {
  local dir="$1" port="$2" logfile="$3" pidfile="$4" deadline
  if ! kafka_running "$pidfile"; then
    kafka_install "$dir" && kafka_format "$dir" "$port" || return 1
    # A broker that was killed just now still holds the port while the kernel takes it apart.
    deadline=$((SECONDS + 10))
    while kafka_listens "$port" && ((SECONDS <= deadline)); do sleep 0.05; done
    if kafka_listens "$port"; then
      echo "kafka: port $port is taken by something else; stop that, or choose another port" >&2
      return 1
    fi
    mkdir -p "$(dirname "$logfile")" "$(dirname "$pidfile")"
    dir="$(cd "$dir" && pwd)"
    # A session of its own: a Ctrl-C at the terminal must not end the broker. C2 stays on: it matters to the broker.
    # shellcheck disable=SC2016
    setsid bash -c 'echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"' kafka "$pidfile" \
      java -Xms1g -Xmx1g -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
      -Dlog4j2.configurationFile="$kafka_source_dir/log4j2.xml" -cp "$dir/libs/*" \
      kafka.Kafka "$dir/server.properties" </dev/null >>"$logfile" 2>&1 &
    disown
    deadline=$((SECONDS + 5))
    until kafka_running "$pidfile" || ((SECONDS > deadline)); do sleep 0.05; done
  fi
  deadline=$((SECONDS + 60))
  until kafka_answers "$port"; do
    if ! kafka_running "$pidfile"; then
      echo "kafka: the broker ended while starting; the end of $logfile:" >&2
      tail -n 20 "$logfile" >&2 || true
      return 1
    fi
    if ((SECONDS > deadline)); then
      echo "kafka: no answer on port $port after 60 s; see $logfile" >&2
      return 1
    fi
    sleep 0.1
  done
}

kafka_stop() {
  local pidfile="$1" pid deadline
  if kafka_running "$pidfile"; then
    pid="$(<"$pidfile")"
    kill -TERM "$pid" 2>/dev/null || true
    # One that is frozen (SIGSTOP) would not hear it.
    kill -CONT "$pid" 2>/dev/null || true
    deadline=$((SECONDS + 20))
    while kafka_running "$pidfile" && ((SECONDS <= deadline)); do sleep 0.1; done
    if kafka_running "$pidfile"; then kill -KILL "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$pidfile"
}
