#!/usr/bin/env bash
# Upgrades: daemons of the commit before, of this tree, and of a release to come (this tree with next.patch) work on one system.
# Builds the other two beside the test run's directory; with a warm compiler cache that costs seconds.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
root="$(cd ../.. && pwd)"
targets=(openrun-gateway openrun-issuer openrun-relay openrun-reconciler openrun)

# tree_new NAME: an empty tree to be filled from standard input, which is a tar file. What it has built before is kept, but every source
# is new (tar -m): ninja goes by the time, and a commit's is in the past.
tree_new() {
  local tree="$directory/upgrade-$1"
  mkdir -p "$tree"
  find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -x -m -C "$tree"
}

# The jars of Kafka are there already; everything else is built.
tree_build() {
  local tree="$directory/upgrade-$1" jars
  mkdir -p "$tree/build"
  for jars in "$root"/build/kafka-*; do
    if [[ -d "$jars" && ! -e "$tree/build/${jars##*/}" ]]; then cp -al "$jars" "$tree/build/"; fi
  done
  export CCACHE_BASEDIR="$tree" CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
  (cd "$tree" && cmake --preset dev >build/configure.log 2>&1 && ninja -C build/dev -j "$(nproc)" "${targets[@]}" >build/build.log 2>&1) || {
    tail -n 40 "$tree/build/configure.log" "$tree/build/build.log" >&2
    echo "upgrade: the build of \"$1\" failed" >&2
    exit 1
  }
}

git -C "$root" rev-parse -q --verify HEAD >/dev/null || {
  echo "upgrade: $root is no clone of the repository; the release before is built from its parent commit" >&2
  exit 1
}
if parent="$(git -C "$root" rev-parse -q --verify 'HEAD^')"; then
  echo "the release before is the parent commit, $(git -C "$root" log -1 --format=%h "$parent")"
else
  parent="$(git -C "$root" rev-parse --verify HEAD)"
  echo "this clone has no parent commit: the release before is HEAD itself"
fi
git -C "$root" archive "$parent" | tree_new parent
# With what is not committed yet.
git -C "$root" ls-files -z --cached --others --exclude-standard |
  (cd "$root" && while IFS= read -r -d '' file; do if [[ -f "$file" ]]; then printf '%s\0' "$file"; fi; done |
    tar -c --null --verbatim-files-from -T -) | tree_new next
(cd "$directory/upgrade-next" && GIT_CEILING_DIRECTORIES="$directory" git apply --unidiff-zero "$root/tests/upgrade/next.patch") || {
  echo "upgrade: tests/upgrade/next.patch does not apply any more; make it fit the sources" >&2
  exit 1
}
begun="$SECONDS"
tree_build parent
tree_build next
echo "both are built, $((SECONDS - begun)) s"
export OPENRUN_UPGRADE_PARENT="$directory/upgrade-parent" OPENRUN_UPGRADE_NEXT="$directory/upgrade-next"
if (($# == 0)); then set -- test_upgrade; fi
exec /usr/bin/python3 -m unittest -v "$@"
