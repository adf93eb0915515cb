# shellcheck shell=bash
# What the checks of the manifests need, in a folder below `directory` that is made anew when a version changes: kustomize and kubeconform
# as Go builds them (where the machine has none), the schemas of Kubernetes and PyYAML from PyPI. To be sourced.
# shellcheck source=tools/dev/python.sh
source ../../tools/dev/python.sh
# The last versions that Debian 12's Go builds.
kustomize_version=v5.0.3
kubeconform_version=v0.6.3

tools_install() {
  tools="$directory/k8s-tools"
  local wanted
  wanted="$(cat requirements.txt tools.sh schemas.py | cksum)"
  if [[ "$(cat "$tools/version" 2>/dev/null)" != "$wanted" ]]; then
    rm -rf "$tools"
    mkdir -p "$tools"
    python_environment "$tools/python" requirements.txt
    "$tools/python/bin/python" schemas.py "$tools/schemas"
    GOBIN="$tools/bin" CGO_ENABLED=0 GOFLAGS=-trimpath go install "github.com/yannh/kubeconform/cmd/kubeconform@$kubeconform_version"
    # kubectl has a kustomize in it.
    command -v kustomize >/dev/null || command -v kubectl >/dev/null ||
      GOBIN="$tools/bin" CGO_ENABLED=0 GOFLAGS=-trimpath go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize_version"
    printf '%s\n' "$wanted" >"$tools/version"
  fi
  export PATH="$tools/bin:$PATH" OPENRUN_K8S_SCHEMAS="$tools/schemas"
}
