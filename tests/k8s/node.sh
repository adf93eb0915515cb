#!/usr/bin/env bash
# node.sh [--brief] [ARGUMENTS OF operations.py]...: runs operations.py in the cluster that kubectl points at. Where there is none, and
# ../shared/k8s-node is, brings that one up from what it keeps under K8S_HOME, with images made of the built programs, and takes it down at the
# end. Where there is neither, it says so; with CI=true that is a failure.
#
# --brief is what every test run does: only ever on a node of its own. Whatever lacks is told, and skipped.
# --prepare makes what K8S_HOME shall keep (Kubernetes from its Go modules: minutes, once on a machine) and brings nothing up: a test run begins
# with it, behind everything else, and ends with --brief, which waits for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root="$(cd ../.. && pwd)"
node_tools="${OPENRUN_K8S_NODE_TOOLS:-$root/../shared/k8s-node}"
brief="" prepare=""
if [[ "${1:-}" == --brief ]]; then brief=yes; fi
if [[ "${1:-}" == --prepare ]]; then brief=yes prepare=yes; fi

skip() {
  echo "k8s: $1: nothing was deployed"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

if [[ -z "$brief" ]] && { [[ -n "${KUBECTL:-}" ]] || kubectl --request-timeout=5s version >/dev/null 2>&1; }; then
  exec ./operations.py "$@"
fi
if [[ ! -x "$(command -v unshare)" || ! -f "$node_tools/up.sh" || "$(id -u)" -ne 0 ]]; then
  [[ -z "$brief" ]] || skip "there is no node to bring up (it takes root, and ../shared/k8s-node)"
  [[ "${CI:-}" != true ]] || {
    echo "k8s: no cluster answers to kubectl, and there is no node to bring up: nothing was deployed"
    exit 1
  }
  skip "no cluster answers to kubectl, and there is no node to bring up"
fi

node_tools="$(cd "$node_tools" && pwd)"
# shellcheck source=/dev/null
source "$node_tools/env.sh"
# Its settings, which are not ours.
unset GOFLAGS GOBIN
started="$SECONDS"
say() { printf '%5d s  %s\n' "$((SECONDS - started))" "$*"; }

# There is one node on a machine. What runs in it must not inherit the lock.
exec 8>"$K8S_HOME/openrun.lock"
flock -n 8 || {
  say "another test has the node; waiting for it"
  flock -w 900 8 || {
    [[ -z "$brief" ]] || skip "the node was not free within 15 minutes"
    echo "k8s: the other test has not finished within 15 minutes" >&2
    exit 1
  }
}

# do_step COMMAND...: in a process group of its own and behind this shell, which can so be interrupted at any time and end all of it.
child=""
do_step() {
  local status=0
  set -m
  "$@" 8>&- </dev/null &
  child=$!
  set +m
  wait "$child" || status=$?
  child=""
  return "$status"
}

take_down() {
  trap - EXIT
  trap '' INT TERM
  if [[ -n "$child" ]]; then
    kill -TERM -- "-$child" 2>/dev/null || true
    timeout 10 tail --pid="$child" -f /dev/null || true
    kill -KILL -- "-$child" 2>/dev/null || true
  fi
  # A node that was interrupted while it came up has no first process that down.sh would know.
  local starting
  starting="$(cat "$RUN/unshare.pid" 2>/dev/null || true)"
  if [[ -n "$starting" && "$(cat "/proc/$starting/comm" 2>/dev/null)" == unshare ]]; then kill -KILL "$starting"; fi
  bash "$node_tools/down.sh" 8>&-
  rm -rf "$OPENRUN_IMAGE_TMP"
}
export OPENRUN_IMAGE_TMP="$RUN/openrun-images"
# Whether a failure would be the machine's, on which no node can be brought up, and not openrun's.
is_preparing=yes
# shellcheck disable=SC2317 # the trap calls it
leave() {
  local status=$?
  take_down
  if [[ -n "$brief" && -n "$is_preparing" ]] && ((status > 0 && status < 128)); then skip "no node comes up on this machine (the lines above say why)"; fi
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# quietly LOG COMMAND...: shows the end of what it said where it fails.
quietly() {
  local log="$LOG/$1.log"
  shift
  do_step "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    return 1
  }
}

# Whatever a run before has left: a node that was killed halfway.
bash "$node_tools/down.sh" 8>&-
rm -rf "$OPENRUN_IMAGE_TMP"
mkdir -p "$OPENRUN_IMAGE_TMP"

[[ -x "$BIN/kubelet" && -x "$BIN/coredns" ]] || do_step bash "$node_tools/setup-controlplane.sh"
if [[ ! -e "$IMG/base.rootfs.tgz" || ! -x "$BIN/pause" ]] || ! command -v buildah >/dev/null || ! command -v containerd >/dev/null; then
  do_step bash "$node_tools/setup-runtime.sh"
  umount "$RUN/buildah/overlay" 2>/dev/null || true
fi
say "the node's programs are there"
[[ -z "$prepare" ]] || exit 0

# As in buildah.sh: in mounts of its own.
stored() { TMPDIR="$OPENRUN_IMAGE_TMP" unshare --mount buildah --root "$RUN/buildah" --runroot "$RUN/buildah-run" --storage-driver overlay "$@"; }
# shellcheck disable=SC2317 # `quietly` calls it
save_image() { stored push -q "localhost/$1" "docker-archive:$2:localhost/$1"; }

# Beside those that up.sh imports each time: these are imported where the node has not kept them.
images="$K8S_HOME/openrun"
mkdir -p "$images"
rm -f "$IMG"/localhost_openrun*

# make_image NAME TAG PROGRAMS FILE...: anew when one of its files is another than last time.
make_image() {
  local image="$1" tag="$2" programs="$3" file="$images/$1-$2.tar" stamp
  shift 3
  stamp="$(cat "$@" | cksum)"
  if [[ -e "$file" && "$(cat "$file.made-of" 2>/dev/null)" == "$stamp" ]]; then return 0; fi
  rm -f "$file"*
  OPENRUN_IMAGE_BUILD="$PWD/buildah.sh $node_tools" quietly "$image-$tag" "$root/k8s/images.sh" --given "$programs" --tag "$tag" "$image"
  quietly "$image-$tag-save" save_image "$image:$tag" "$file"
  printf '%s\n' "$stamp" >"$file.made-of"
  say "image $image:$tag, $(du -m "$file" | cut -f 1) MB"
}

make_image_of_programs() {
  make_image openrun "$1" "$2" "$root/Dockerfile" "$root"/k8s/images/*.* "$2"/openrun{,-gateway,-issuer,-relay,-reconciler}
}

# What is rolled out: programs that say another version. Most of them comes out of the compiler cache.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
# shellcheck disable=SC2317 # `quietly` calls it
build_next() {
  cd "$root"
  cmake --preset next
  ninja -C build/next -j "$(nproc)" openrun-gateway openrun-issuer openrun-relay openrun-reconciler openrun
}

make_image openrun-postgres dev none "$root"/k8s/images/postgres/*
# Where one image can be made, a failure of the others is openrun's.
is_preparing=""
make_image openrun-kafka dev none "$root"/k8s/images/kafka/* "$root"/tools/dev/kafka/{pom.xml,log4j2.xml,server.properties.in}
make_image_of_programs dev "${OPENRUN_BIN:-$root/build/dev/bin}"
quietly build-next build_next
# The layers of builds before: each of openrun leaves some 150 MB. A build that was killed has left a container too, and what a container stands
# on cannot be removed.
# shellcheck disable=SC2317 # `quietly` calls it
prune_images() {
  stored rm --all
  stored rmi --prune
}
if (($(stored images -a -q | wc -l) > 200)); then quietly prune prune_images; fi
say "programs of another version are there"
make_image_of_programs next "$root/build/next/bin"

is_preparing=yes
quietly up bash "$node_tools/up.sh"
in_node=(nsenter -t "$(node_pid)" -m -u -i -n -p -w/ --)
say "the node is up"

image_in_node() { "${in_node[@]}" ctr -n k8s.io images ls "name==localhost/$1" | awk 'NR == 2 {print $3}'; }
for image in openrun-kafka:dev openrun-postgres:dev openrun:dev openrun:next; do
  file="$images/${image/:/-}.tar"
  if [[ ! -s "$file.imported" || "$(cat "$file.imported")" != "$(image_in_node "$image")" ]]; then
    quietly "${image/:/-}-import" "${in_node[@]}" ctr -n k8s.io images import "$file"
    image_in_node "$image" >"$file.imported"
  fi
done
say "its images are there"
is_preparing=""

status=0
KUBECTL="bash $node_tools/kubectl.sh" OPENRUN_K8S_NODE="${in_node[*]}" do_step ./operations.py "$@" || status=$?
say "all was tried"
if ((status)); then
  logs="${OPENRUN_TEST_STATE:-$LOG}/pods"
  rm -rf "$logs" && mkdir -p "$logs"
  "${in_node[@]}" tar -C /var/log/pods -cf - . | tar -C "$logs" -xf -
  say "what the pods said is in $logs"
fi
take_down
say "the node is down"
exit "$status"
