# shellcheck shell=bash
# Debian packages: looks what is missing, and installs only that.

packages_listed() {
  awk -v wanted="$1" '!/^#/ && NF >= 2 && ($2 == "up" || $2 == wanted || (wanted == "test" && $2 == "bench")) {print $1, $3}' "$root/tools/dev/packages.txt"
}

packages_missing() {
  local package command
  packages_listed "$1" | while read -r package command; do
    if [[ -n "$command" ]] && command -v "$command" >/dev/null; then continue; fi
    [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || printf '%s\n' "$package"
  done
}

# packages_ensure up|test|bench: `test` wants all.
packages_ensure() {
  local missing as_root=()
  command -v dpkg-query >/dev/null || return 0
  mapfile -t missing < <(packages_missing "$1")
  ((${#missing[@]})) || return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  if [[ "$(id -u)" -ne 0 ]]; then
    command -v sudo >/dev/null || die "these packages are missing, and there is neither root nor sudo to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  # RUNLEVEL=1: Debian's own PostgreSQL and HAProxy services are not started by their installation; ./dev runs its own.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y -o Dpkg::Use-Pty=0)
  mkdir -p "$state"
  {
    "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"
  } </dev/null >"$state/packages.log" 2>&1 9>&- || {
    tail -n 15 "$state/packages.log" >&2
    die "apt-get failed; the whole output is in $state/packages.log"
  }
}
