#!/usr/bin/env bash
# The calls as strangers make them: schemathesis over the gateway's own description, bad inputs, the client for front-ends, slow
# clients. Arguments are passed to unittest, for example `tests/api/run.sh test_description`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
# shellcheck source=tools/dev/python.sh
source ../../tools/dev/python.sh
python="$directory/api-python"
python_environment "$python" requirements.txt
export PATH="$python/bin:$PATH" PYTHONPATH="../integration"
if (($# == 0)); then set -- test_description test_bad_input test_client test_slow_clients; fi
# One after the other: beside schemathesis the gateway of the slow clients refuses, as it should on a machine that is too busy.
exec "$python/bin/python" -m unittest -v "$@"
