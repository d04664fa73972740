#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a fresh Debian 12 ready. Safe to run again: what is there already costs about a second.
#
#   setup.sh [build|lab|control-plane|deploy|fuzz|bench|house|all]...   default: all but fuzz, bench
#
# build          packages to build the operator and its tests
# lab            packages of the SR-IOV lab, and the image that its hosts boot
# control-plane  packages and tools of the Kubernetes control plane (etcd, kube-apiserver, kubectl, ...)
# deploy         tools of the tests of image, chart and GitOps
# fuzz           libFuzzer, for `make fuzz`
# bench          google-benchmark, for `make bench`
# house          linters
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export VNIC_LOG_NAME=setup
# shellcheck source=lib.sh
. "$here/lib.sh"

readonly backports=bookworm-backports
apt_options=(-qq -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=false)

# wanted_packages SECTION...: the lines of packages.txt without comments, "name[/suite] [?command]".
wanted_packages() {
  awk -v sections=" $* " '
    { sub(/#.*/, "") }
    /^\[/ { section = substr($1, 2, length($1) - 2); next }
    NF && index(sections, " " section " ") { print }' "$here/packages.txt"
}

# missing_packages: of the lines on stdin, those that are not installed (or too old for their suite).
missing_packages() {
  local package unless name
  local -A installed=()
  while read -r name version; do
    installed[$name]=$version
  done < <(dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Version}\n' | sed -n 's/^ii *//p')
  while read -r package unless; do
    if [ -n "$unless" ] && command -v "${unless#\?}" >/dev/null; then continue; fi
    name=${package%%/*}
    # A backport has ~bpo in its version; a package of that name from Debian 12 itself is too old.
    if [ -z "${installed[$name]:-}" ] ||
      { [[ $package == */$backports ]] && [[ ${installed[$name]} != *bpo* ]]; }; then
      printf '%s\n' "$package"
    fi
  done
}

add_backports() {
  if grep -rqs "$backports" /etc/apt/sources.list /etc/apt/sources.list.d; then return; fi
  note "adding $backports to the package sources"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$(debian_mirror)" "$backports" >/etc/apt/sources.list.d/$backports.sources
}

install_packages() {
  local missing plain=() newer=() package
  missing=$(wanted_packages "$@" | missing_packages | sort -u)
  [ -n "$missing" ] || return 0
  require_root
  require_disk /usr 4
  for package in $missing; do
    if [[ $package == */$backports ]]; then newer+=("${package%%/*}"); else plain+=("$package"); fi
  done
  note "installing $((${#plain[@]} + ${#newer[@]})) packages: ${plain[*]} ${newer[*]}"
  [ ${#newer[@]} = 0 ] || add_backports
  export DEBIAN_FRONTEND=noninteractive
  apt-get "${apt_options[@]}" update ||
    die "the package sources cannot be read ('apt-get update' failed, see above)."
  [ ${#plain[@]} = 0 ] || apt_install "${plain[@]}"
  [ ${#newer[@]} = 0 ] || apt_install -t "$backports" "${newer[@]}"
}

apt_install() {
  local log
  log=$(mktemp)
  if ! apt-get "${apt_options[@]}" install -y "$@" >"$log" 2>&1; then
    tail -20 "$log" >&2
    rm -f "$log"
    die "the packages could not be installed, see above."
  fi
  rm -f "$log"
}

main() {
  local sections=("$@") section
  if [ ${#sections[@]} = 0 ] || [ "${sections[*]}" = all ]; then
    sections=(build lab control-plane deploy house)
  fi
  for section in "${sections[@]}"; do
    case $section in
    build | lab | control-plane | deploy | fuzz | bench | house) ;;
    *) die "there is no part '$section': choose from build, lab, control-plane, deploy, fuzz, bench, house, all." ;;
    esac
  done
  require_debian12
  install_packages "${sections[@]}"
  for section in "${sections[@]}"; do
    case $section in
    lab) "$here/lab/lab" image ;;
    control-plane) "$here/control-plane/tools.sh" >/dev/null ;;
    deploy)
      "$here/control-plane/tools.sh" deploy >/dev/null
      "$here/control-plane/foreign_crds.sh" >/dev/null
      "$here/prometheus.sh" >/dev/null
      ;;
    esac
  done
}

main "$@"
