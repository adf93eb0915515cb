#!/usr/bin/env bash
# collect.sh TARGET VERSION: runs inside the Dockerfile's stage `collected`. Puts into TARGET the programs of openrun, every library
# that they load, certificates, a user, and a list of all of it (SPDX).
set -euo pipefail
target="$1" version="$2"
programs=(/usr/bin/openrun /usr/bin/openrun-gateway /usr/bin/openrun-issuer /usr/bin/openrun-relay /usr/bin/openrun-reconciler)

missing="$(ldd "${programs[@]}" | grep 'not found' | sort -u || true)"
if [[ -n "$missing" ]]; then
  echo "collect: runtime-packages.txt lacks a package:" >&2
  echo "$missing" >&2
  exit 1
fi
mapfile -t libraries < <(ldd "${programs[@]}" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\s*\(\/lib[^ ]*\) (.*/\1/p' | sort -u)

mkdir -p "$target"/{etc/ssl/certs,etc/openrun,tmp,usr/bin,usr/share/doc/openrun}
# The same folders as Debian's: /lib is a link into /usr.
for link in lib lib64; do ln -s "usr/$link" "$target/$link"; done
for library in "${libraries[@]}"; do
  place="$(dirname "$(readlink -f "$(dirname "$library")")/x")"
  mkdir -p "$target$place"
  cp -L "$library" "$target$place/"
done
cp "${programs[@]}" "$target/usr/bin/"
cp /etc/ssl/certs/ca-certificates.crt "$target/etc/ssl/certs/"
printf 'root:x:0:0::/:/none\nopenrun:x:65532:65532::/tmp:/none\n' >"$target/etc/passwd"
printf 'root:x:0:\nopenrun:x:65532:\n' >"$target/etc/group"
printf 'hosts: files dns\n' >"$target/etc/nsswitch.conf"

# The package that each library came from, with its copyright.
packages="$({
  echo ca-certificates
  for library in "${libraries[@]}"; do
    for path in "$(readlink -f "$library")" "$library" "/usr$library" "${library#/usr}"; do
      if found="$(dpkg -S "$path" 2>/dev/null)"; then
        printf '%s\n' "${found%%:*}"
        break
      fi
    done
  done
} | sort -u)"
{
  printf '{"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "openrun-%s",\n' "$version"
  printf ' "documentNamespace": "https://openrun.example/sbom/%s",\n' "$version"
  printf ' "creationInfo": {"created": "%s", "creators": ["Tool: k8s/images/collect.sh"]},\n' "$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)"
  printf ' "packages": [\n  {"SPDXID": "SPDXRef-openrun", "name": "openrun", "versionInfo": "%s", "downloadLocation": "NOASSERTION", "licenseDeclared": "Apache-2.0"}' "$version"
  for package in $packages; do
    printf ',\n  {"SPDXID": "SPDXRef-%s", "name": "%s", "versionInfo": "%s", "downloadLocation": "NOASSERTION"}' \
      "${package//[^a-zA-Z0-9.-]/-}" "$package" "$(dpkg-query -W -f '${Version}' "$package")"
    mkdir -p "$target/usr/share/doc/$package"
    if [[ -e "/usr/share/doc/$package/copyright" ]]; then cp -L "/usr/share/doc/$package/copyright" "$target/usr/share/doc/$package/"; fi
  done
  printf '\n ]}\n'
} >"$target/usr/share/doc/openrun/sbom.spdx.json"
chmod 1777 "$target/tmp"
# The same input gives the same layer.
find "$target" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
