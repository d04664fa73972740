#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints a folder with prometheus and promtool, from Debian's package. It is unpacked, not installed:
# installed, it would start a server that listens to the network.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=tests/support/lib.sh
source "$here/lib.sh"
VNIC_LOG_NAME=prometheus
folder=$VNIC_CACHE/prometheus

if [[ ! -x $folder/promtool ]]; then
  note "fetching Debian's prometheus"
  mkdir -p "$VNIC_CACHE"
  work=$(mktemp -d "$VNIC_CACHE/prometheus.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  apt-cache show prometheus >/dev/null 2>&1 || apt-get -qq update
  # apt leaves its own user's sandbox for a folder of ours, and says so.
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download prometheus) ||
    die "the package prometheus cannot be had: is 'apt-get update' as root of use?"
  dpkg-deb -x "$work"/prometheus_*.deb "$work/package"
  # Another run may have been faster; the content is the same.
  mv -T "$work/package/usr/bin" "$folder" 2>/dev/null || [[ -x $folder/promtool ]]
fi
printf '%s\n' "$folder"
