# shellcheck shell=bash
# Configuring and building with the presets of CMakePresets.json.

# The same file compiled for another clone or another build directory is found again. What is new is not preprocessed by itself first: the
# compiler names the headers that it has read, and that preprocessing was a fifth of the time of a build without any cache.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1

# As many compilers as cores, but each may take 1.5 GB.
build_jobs() {
  local cores memory
  cores="$(nproc)"
  memory="$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)"
  ((memory < 1)) && memory=1
  ((cores < memory)) && printf '%s\n' "$cores" || printf '%s\n' "$memory"
}

# build_configure PRESET
build_configure() {
  local preset="$1" home fresh=()
  local cache="$root/build/$preset/CMakeCache.txt"
  if [[ -f "$cache" && -f "$root/build/$preset/build.ninja" ]]; then
    home="$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$cache")"
    # Ninja configures again by itself where a CMake file has changed; of the presets it does not know, and a compiler changes only afresh.
    [[ "$home" == "$root" && ! "$root/CMakePresets.json" -nt "$cache" ]] && return 0
    fresh=(--fresh)
  fi
  mkdir -p "$state" "$root/build/$preset"
  flock -o "$root/build/$preset/build.lock" cmake "${fresh[@]}" --preset "$preset" >"$state/configure-$preset.log" 2>&1 9>&- || {
    tail -n 25 "$state/configure-$preset.log" >&2
    complain "dev: cmake --preset $preset failed"
    return 1
  }
}

# build_targets PRESET TARGET...: quiet while all goes well. One ninja at a time in a build directory, whatever system it is for.
build_targets() {
  local preset="$1" started="$SECONDS"
  shift
  build_configure "$preset" || return 1
  if [[ ! -e "$root/build/$preset/.ninja_log" ]]; then say "building ($preset); the first build takes some minutes"; fi
  if [[ -t 1 ]]; then
    flock -o "$root/build/$preset/build.lock" ninja -C "$root/build/$preset" -j "$(build_jobs)" "$@" 9>&- || return 1
  else
    mkdir -p "$state"
    flock -o "$root/build/$preset/build.lock" ninja -C "$root/build/$preset" -j "$(build_jobs)" "$@" >"$state/build-$preset.log" 2>&1 9>&- || {
      grep -A 25 -m 3 -E '^FAILED|error:|ninja: error' "$state/build-$preset.log" >&2 || tail -n 40 "$state/build-$preset.log" >&2
      complain "dev: the build failed; the whole output is in $state/build-$preset.log"
      return 1
    }
  fi
  if ((SECONDS - started > 2)); then say "built ($preset) in $((SECONDS - started)) s"; fi
}

daemon_targets=(openrun-gateway openrun-issuer openrun-relay openrun-reconciler openrun)

build_daemons() {
  case "$build_preset" in
    dev | release | asan | tsan) ;;
    *)
      complain "dev: OPENRUN_PRESET is \"$build_preset\"; choose dev, release, asan or tsan"
      return 1
      ;;
  esac
  build_targets "$build_preset" "${daemon_targets[@]}"
}
