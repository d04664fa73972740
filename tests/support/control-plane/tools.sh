#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds commands from the pinned Go modules in tools/, once, and prints where they are as one
# PATH-like line on stdout. Progress goes to stderr.
#
#   tools.sh [SET...]          build what is missing and print the folders
#   tools.sh --check [SET...]  print the folders if nothing has to be built, else fail
#
# The sets are the folders in tools/; without any it is the control plane's two: kubernetes
# (kube-apiserver, kube-controller-manager, kubectl) and etcd. deploy has what tests of the
# installation and of GitOps use.
#
# Environment:
#   KUBEBUILDER_ASSETS  a folder with etcd, kube-apiserver and kubectl (the convention of envtest):
#                       used as it is for kubernetes and etcd, nothing is built
#   VNIC_CACHE          where built things are kept; see lib.sh
#   GOPROXY, GOMODCACHE, GOCACHE
#                       as for every Go build; the last two default to folders inside of the cache
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/lib.sh
source "$here/../lib.sh"
# shellcheck source=tests/support/go.sh
source "$here/../go.sh"
VNIC_LOG_NAME="tools"
cache=$go_cache

# What is built: set (folder below tools/), command, package, about how long it takes with nothing
# cached. The first command of a set pays for the set's downloads and shared packages.
readonly tools=(
  "kubernetes kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver 4min"
  "kubernetes kubectl k8s.io/kubernetes/cmd/kubectl 30s"
  "kubernetes kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager 1min"
  "etcd etcd go.etcd.io/etcd/server/v3 20s"
  "deploy helm helm.sh/helm/v4/cmd/helm 2min"
  "deploy kstatus ./kstatus 10s"
  "deploy argohealth ./argohealth 10s"
)
# Part of the cache key: whoever changes these gets new binaries.
readonly build_flags=(-trimpath -buildvcs=false -mod=readonly)

# The release that is pinned, for example v1.36.3. The servers do not even start without a version.
kubernetes_version=$(awk '$1 == "k8s.io/kubernetes" && $2 ~ /^v/ { print $2 }' \
  "$here/tools/kubernetes/go.mod")
[[ -n $kubernetes_version ]] ||
  die "$here/tools/kubernetes/go.mod does not require k8s.io/kubernetes"
readonly kubernetes_version

# linker_flags SET: the servers report the release that they were built from, as the official
# binaries do.
linker_flags() {
  local flags="-s -w"
  if [[ $1 == kubernetes ]]; then
    local major minor package
    IFS=. read -r major minor _ <<<"${kubernetes_version#v}"
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      flags+=" -X $package.gitVersion=$kubernetes_version"
      flags+=" -X $package.gitMajor=$major -X $package.gitMinor=$minor"
    done
  fi
  printf '%s' "$flags"
}

# set_folder SET: where the binaries of a set are, keyed by everything that decides their bytes.
set_folder() {
  local key
  key=$({
    find "$here/tools/$1" -type f -print0 | sort -z | xargs -0 cat
    printf '%s\n' "${build_flags[*]}" "$(linker_flags "$1")" "$(uname -m)"
  } | sha256sum | cut -c1-16)
  printf '%s/%s-%s' "$cache" "$1" "$key"
}

# missing_tools: the lines of `tools` that belong to the wanted `sets` and are not built yet.
missing_tools() {
  local line set name
  for line in "${tools[@]}"; do
    read -r set name _ <<<"$line"
    [[ " ${sets[*]} " == *" $set "* ]] || continue
    [[ -x $(set_folder "$set")/$name ]] || printf '%s\n' "$line"
  done
}

print_folders() {
  local set folders=''
  for set in "${sets[@]}"; do folders+=:$(set_folder "$set"); done
  printf '%s\n' "${folders#:}"
}

build() {
  local missing
  mapfile -t missing < <(missing_tools)
  [[ ${#missing[@]} -gt 0 ]] || return 0

  require_disk "$cache" 6
  choose_go

  local number=0 line set name package estimate folder started
  for line in "${missing[@]}"; do
    read -r set name package estimate <<<"$line"
    number=$((number + 1))
    note "building $name ($number/${#missing[@]}, about $estimate cold)"
    folder=$(set_folder "$set")
    mkdir -p "$folder"
    started=$SECONDS
    (cd "$here/tools/$set" &&
      nice "$go" build "${build_flags[@]}" -ldflags "$(linker_flags "$set")" \
        -o "$folder/.$name.new" "$package") >&2 ||
      die "$name does not build with Go $(go_version "$go"); the reason is above"
    mv "$folder/.$name.new" "$folder/$name"
    note "built $name in $((SECONDS - started)) s"
  done
}

main() {
  local check='' sets=() set
  if [[ ${1:-} == --check ]]; then check=yes && shift; fi
  sets=("$@")
  for set in "${sets[@]}"; do
    [[ -f $here/tools/$set/go.mod ]] || die "there is no set $set; see the top of $here/tools.sh"
  done
  [[ ${#sets[@]} -gt 0 ]] || sets=(kubernetes etcd)
  if [[ -n ${KUBEBUILDER_ASSETS:-} && ${sets[*]} == "kubernetes etcd" ]]; then
    local name
    for name in etcd kube-apiserver kubectl; do
      [[ -x $KUBEBUILDER_ASSETS/$name ]] ||
        die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $name; unset it to build the tools"
    done
    printf '%s\n' "$KUBEBUILDER_ASSETS"
    return
  fi
  if [[ -n $check ]]; then
    [[ -z $(missing_tools) ]] || die "not built yet; run $here/tools.sh $*"
    print_folders
    return
  fi
  if [[ -n $(missing_tools) ]]; then
    mkdir -p "$cache"
    # One builder at a time: the second caller waits, and then finds everything there.
    exec 9>"$cache/lock"
    if ! flock -n 9; then
      note "another run is building tools, waiting for it"
      flock 9
    fi
    build
  fi
  print_folders
}

main "$@"
