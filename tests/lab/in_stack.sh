#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# in_stack.sh ID up OPERATOR            brings the stack up for as long as the caller lives
# in_stack.sh ID down                   takes it down
# in_stack.sh ID with-guest KIND TEST   runs TEST next to its hosts, with a guest of its own that no
#                                       Vnic describes
#
# ID names the stack where VNIC_STACK does not.
set -euo pipefail
support=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../support" && pwd)
stack=$support/stack
lab=$support/lab/lab
export VNIC_STACK=${VNIC_STACK:-$1}
export LAB_RUN=$VNIC_STACK

with_guest() {
  local kind=$1 guest=test-adapter-$$ host name
  shift
  eval "$("$stack" env)"
  # shellcheck disable=SC2064 # known now
  trap "$lab delete $guest" EXIT
  "$lab" define host1 "$kind" "$guest"
  "$lab" wait-guest "$guest" 180
  export VNIC_LAB_DOMAIN=$guest
  for host in host1 host2; do
    name=${host^^}
    export "VNIC_LAB_${name}_URI=qemu+tls://$host/system?pkipath=$LAB_PKI"
    export "VNIC_LAB_${name}_PEER_URI=qemu+tls://$host/system"
  done
  "$lab" exec "$@"
}

case $2 in
up) exec "$stack" up --operator "$3" --owner "${VNIC_STACK_OWNER:-$PPID}" ;;
down) exec "$stack" down ;;
with-guest) with_guest "${@:3}" ;;
esac
