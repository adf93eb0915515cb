#!/usr/bin/env bash
# The calls as strangers make them: schemathesis over the gateway's own description, bad inputs, the client for front-ends, slow
# clients. Arguments are passed to unittest, for example `tests/api/run.sh test_description`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
# Python packages of exactly these versions, in a folder of their own that is made anew when the list changes.
python="$directory/api-python"
if ! cmp -s requirements.txt "$python/requirements.txt"; then
  rm -rf "$python"
  /usr/bin/python3 -m venv "$python"
  "$python/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt "$python/"
fi
export PATH="$python/bin:$PATH" PYTHONPATH="../integration"
if (($# == 0)); then set -- test_description test_bad_input test_client test_slow_clients; fi
# One after the other: beside schemathesis the gateway of the slow clients refuses, as it should on a machine that is too busy.
exec "$python/bin/python" -m unittest -v "$@"
