#!/usr/bin/env bash
# The page in a real Chromium against a real system. Arguments are passed to unittest, for example
# `tests/e2e/run.sh test_page.OpenRun`. Screenshots are left in build/e2e/screenshots.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../directory.sh"
# Node packages of exactly these versions, in a folder of their own that is made anew when the list changes.
packages="$directory/e2e-packages"
if ! cmp -s package-lock.json "$packages/package-lock.json" || [[ ! -d "$packages/node_modules/playwright-core" ]]; then
  rm -rf "$packages"
  mkdir -p "$packages"
  cp package.json package-lock.json "$packages/"
  npm ci --prefix "$packages" --no-audit --no-fund --ignore-scripts
fi
export OPENRUN_E2E_PACKAGES="$packages" PYTHONPATH="../integration"
if (($# == 0)); then set -- test_page test_admin; fi
exec /usr/bin/python3 -m unittest -v "$@"
