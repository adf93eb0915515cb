# shellcheck shell=bash
# A private single-node Apache Kafka for development and tests. To be sourced; safe under `set -euo pipefail`.
# Needs java (17 or newer) and, for kafka_install, mvn; uses kcat where it is there.
#
#   kafka_install                          the jars and an archive of their classes, in build/: fetched and made once a clone
#   kafka_format  DIR PORT                 writes DIR/server.properties, with DIR/extra.properties at its end where that is there,
#                                          and makes the data directory DIR/data, once
#   kafka_start   DIR PORT LOGFILE PIDFILE installs and formats where needed; returns when the broker answers (0) or after
#                                          60 s without an answer (1). Starting a running broker does nothing.
#   kafka_stop    PIDFILE                  SIGTERM, and SIGKILL after 20 s. Stopping a stopped broker does nothing.
#
# The controller listens on PORT + 1. After a SIGKILL kafka_start finds all acknowledged records again.
# KAFKA_OPTS: further options of the broker's JVM.

kafka_source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

kafka_jars="$(cd "$kafka_source_dir/../../.." && pwd)/build/kafka-$(cksum <"$kafka_source_dir/pom.xml" | tr ' ' '-')"
# Classes that are loaded and verified already (https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html): with it a start
# takes two thirds of the CPU time. A JVM that does not like it goes on without.
kafka_classes="-XX:SharedArchiveFile=$kafka_jars.jsa"

# All or nothing: an interrupted download must not look like an installation. Under a lock, because several systems may be coming
# up, and Maven's own store is not made for two at a time.
kafka_install() {
  [[ -d "$kafka_jars" ]] && return 0
  mkdir -p "$(dirname "$kafka_jars")"
  (
    flock 7
    [[ ! -d "$kafka_jars" ]] || exit 0
    rm -rf "$kafka_jars.new"
    mkdir "$kafka_jars.new"
    mvn -q -B -f "$kafka_source_dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$kafka_jars.new" &&
      mv "$kafka_jars.new" "$kafka_jars" && kafka_archive_classes
  ) 7>"$kafka_jars.lock" || {
    echo "kafka: the jars of $kafka_source_dir/pom.xml could not be fetched" >&2
    return 1
  }
}

# A broker that comes up once and ends writes down what it has loaded. Where that fails, for want of a free port say, every start is slower.
kafka_archive_classes() {
  local dir port deadline
  dir="$(mktemp -d)" port=$((20000 + RANDOM % 10000))
  if kafka_format "$dir" "$port"; then
    timeout -k 5 60 "${kafka_java[@]}" -Xmx256m -XX:ArchiveClassesAtExit="$dir/classes.jsa" \
      kafka.Kafka "$dir/server.properties" >"$dir/log" 2>&1 7>&- &
    deadline=$((SECONDS + 30))
    until grep -q 'Kafka Server started' "$dir/log" || ! kill -0 $! 2>/dev/null || ((SECONDS > deadline)); do sleep 0.1; done
    kill $! 2>/dev/null || true
    wait $! || true
    if [[ -s "$dir/classes.jsa" ]]; then mv "$dir/classes.jsa" "$kafka_jars.jsa"; fi
  fi
  rm -rf "$dir"
}

# Of what the JVM itself has to say only errors.
kafka_java=(java -Xlog:disable -Xlog:all=error:stderr -Djava.awt.headless=true
  "-Dlog4j2.configurationFile=$kafka_source_dir/log4j2.xml" -cp "$kafka_jars/*")

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
  # Random bits as Kafka writes a UUID, and never a dash in front, which would be an option.
  cluster="o$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)"
  "${kafka_java[@]}" "$kafka_classes" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format -t "$cluster" -c "$dir/server.properties" >/dev/null || {
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
    kafka_install && kafka_format "$dir" "$port" || return 1
    # A broker that was killed just now still holds the port while the kernel takes it apart.
    deadline=$((SECONDS + 10))
    while kafka_listens "$port" && ((SECONDS <= deadline)); do sleep 0.05; done
    if kafka_listens "$port"; then
      echo "kafka: port $port is taken by something else; stop that, or choose another port" >&2
      return 1
    fi
    mkdir -p "$(dirname "$logfile")" "$(dirname "$pidfile")"
    dir="$(cd "$dir" && pwd)"
    # A session of its own: a Ctrl-C at the terminal must not end the broker. C2 stays on: it matters to a broker that works for long.
    # shellcheck disable=SC2016,SC2086 # several options
    setsid bash -c 'echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"' kafka "$pidfile" \
      "${kafka_java[@]}" "$kafka_classes" -Xms1g -Xmx1g -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError ${KAFKA_OPTS:-} \
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
