#!/usr/bin/env bash
# buildah.sh NODE_TOOLS ARGUMENTS OF BUILD...: `docker build` with the node's own buildah, which needs no daemon and no registry. In mounts of
# its own: a build that is killed leaves none behind.
set -euo pipefail
tools="$1"
shift
# shellcheck source=/dev/null
source "$tools/env.sh"
export TMPDIR="${OPENRUN_IMAGE_TMP:-$RUN}"
exec unshare --mount buildah --root "$RUN/buildah" --runroot "$RUN/buildah-run" --storage-driver overlay bud --pull-never --isolation chroot --network host --layers "$@"
