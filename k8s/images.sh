#!/usr/bin/env bash
# k8s/images.sh [--tag TAG] [--given DIRECTORY] [IMAGE]...: builds the images openrun, openrun-kafka and openrun-postgres (or the ones named).
#
#   --tag TAG           dev where nothing is said
#   --given DIRECTORY   takes the programs from there (build/dev/bin) and compiles nothing; they must have been built on Debian 12
#
# With the first of docker, podman and buildah that is there, or with OPENRUN_IMAGE_BUILD, a command that takes the arguments of
# `docker build`, as in OPENRUN_IMAGE_BUILD="buildah bud --isolation chroot". Names begin with localhost/, as podman's and buildah's do.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=tools/dev/kafka/kafka.sh
source "$root/tools/dev/kafka/kafka.sh"

tag=dev given="" images=()
while (($#)); do
  case "$1" in
    --tag) tag="${2:?--tag needs a name}" && shift ;;
    --given) given="${2:?--given needs a directory}" && shift ;;
    openrun | openrun-kafka | openrun-postgres) images+=("$1") ;;
    *)
      echo "images: \"$1\" is no image; choose openrun, openrun-kafka or openrun-postgres" >&2
      exit 2
      ;;
  esac
  shift
done
((${#images[@]})) || images=(openrun openrun-kafka openrun-postgres)

builder() {
  if [[ -n "${OPENRUN_IMAGE_BUILD:-}" ]]; then
    printf '%s\n' "$OPENRUN_IMAGE_BUILD"
  elif command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    echo "docker build"
  elif command -v podman >/dev/null; then
    echo "podman build"
  elif command -v buildah >/dev/null; then
    echo "buildah bud"
  else
    echo "images: there is no docker, podman or buildah; install one, or name a command in OPENRUN_IMAGE_BUILD" >&2
    return 1
  fi
}
read -r -a build <<<"$(builder)" && ((${#build[@]}))

context="$(mktemp -d)"
trap 'rm -rf "$context"' EXIT
revision="$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)"

build_openrun() {
  local arguments=(--build-arg "VERSION=$tag" --build-arg "REVISION=$revision" -t "localhost/openrun:$tag")
  if [[ -z "$given" ]]; then
    "${build[@]}" "${arguments[@]}" --build-arg BINARIES=compiled -f "$root/Dockerfile" "$root"
    return
  fi
  mkdir -p "$context/openrun/bin" "$context/openrun/k8s"
  local program
  for program in openrun openrun-gateway openrun-issuer openrun-relay openrun-reconciler; do
    strip -o "$context/openrun/bin/$program" "$given/$program"
  done
  cp -r "$root/k8s/images" "$context/openrun/k8s/"
  "${build[@]}" "${arguments[@]}" --build-arg BINARIES=given -f "$root/Dockerfile" "$context/openrun"
}

build_openrun_kafka() {
  mkdir -p "$context/kafka"
  cp "$root"/k8s/images/kafka/* "$root"/tools/dev/kafka/{log4j2.xml,server.properties.in} "$context/kafka/"
  kafka_install && cp -a "$kafka_jars" "$context/kafka/libs"
  "${build[@]}" -t "localhost/openrun-kafka:$tag" "$context/kafka"
}

build_openrun_postgres() { "${build[@]}" -t "localhost/openrun-postgres:$tag" "$root/k8s/images/postgres"; }

for image in "${images[@]}"; do
  "build_${image//-/_}"
done
