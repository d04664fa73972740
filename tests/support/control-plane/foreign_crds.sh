#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints a folder with the CRDs of others that our manifests have objects of: cert-manager's and the
# Prometheus operator's, from their Go modules, pinned by version and digest. An API server that has them
# validates those objects as in a cluster.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=tests/support/lib.sh
source "$here/../lib.sh"
# shellcheck source=tests/support/go.sh
source "$here/../go.sh"
VNIC_LOG_NAME=crds

# Module, version, digest as in a go.sum, files.
readonly sources=(
  "github.com/cert-manager/cert-manager v1.21.2 h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=
   deploy/crds/cert-manager.io_certificates.yaml deploy/crds/cert-manager.io_issuers.yaml"
  "github.com/prometheus-operator/prometheus-operator v0.85.0 h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=
   example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml
   example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"
)
key=$(printf '%s\n' "${sources[@]}" | sha256sum | cut -c1-16)
folder=$VNIC_CACHE/foreign-crds-$key

download() {
  local go module version digest files file answer
  choose_go
  mkdir "$1/crds"
  for line in "${sources[@]}"; do
    read -r -d '' module version digest files <<<"$line" || true
    answer=$(cd "$1" && "$go" mod download -json "$module@$version") ||
      die "$module $version cannot be had: $(jq -r .Error <<<"$answer")"
    [[ $(jq -r .Sum <<<"$answer") == "$digest" ]] || die "$module $version is not the one that is pinned here"
    for file in $files; do cp "$(jq -r .Dir <<<"$answer")/$file" "$1/crds/"; done
  done
}

if [[ ! -d $folder ]]; then
  mkdir -p "$VNIC_CACHE"
  work=$(mktemp -d "$VNIC_CACHE/crds.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  download "$work"
  # Another run may have been faster; the content is the same.
  mv -T "$work/crds" "$folder" 2>/dev/null || [[ -d $folder ]]
fi
printf '%s\n' "$folder"
