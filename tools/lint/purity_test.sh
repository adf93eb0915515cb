#!/usr/bin/env bash
# purity_test.sh IMPURE_ARCHIVE: purity.sh must refuse the planted library with exit 1 and name each of these, and must not
# call a path pure that it cannot read.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
said=$("$here/purity.sh" "$1" 2>&1)
code=$?
if [[ $code -ne 1 ]]; then
  printf 'purity.sh exits %s for the planted library, not 1:\n%s\n' "$code" "$said" >&2
  exit 1
fi
missed=0
for symbol in clock_gettime gettimeofday time 'std::chrono::_V2::steady_clock::now()' 'std::chrono::_V2::system_clock::now()' \
  rand getrandom std::random_device pthread_mutex_lock std::condition_variable std::thread __cxa_guard_acquire \
  open read write socket fopen puts getenv std::basic_ofstream std::cout; do
  if ! grep -qF "': $symbol" <<<"$said"; then
    echo "purity.sh does not name $symbol" >&2
    missed=1
  fi
done
"$here/purity.sh" "$1.is-not-there" 2>/dev/null
if [[ $? -ne 2 ]]; then
  echo "purity.sh does not say that it cannot read a library that is not there" >&2
  missed=1
fi
if [[ $missed -ne 0 ]]; then
  printf 'It said:\n%s\n' "$said" >&2
  exit 1
fi
echo "purity.sh sees every planted violation"
