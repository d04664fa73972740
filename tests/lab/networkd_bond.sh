#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs on a host of the lab: systemd-networkd with the guest kit's files, in a network namespace, on
# two real VFs, of which one stands for the virtio NIC. Says what the bond is when it is made, while
# the VF is away, and when the VF is back.
#
#   networkd_bond.sh FOLDER      FOLDER has the kit's files
set -eu
kit=$1 ns=vnic-kit pf=enp2s0 vf_mac=52:54:00:00:00:01 virtio_mac=52:54:00:00:00:02

fail() {
  echo "networkd_bond: $*" >&2
  cat /run/vnic-kit.log >&2 || true
  exit 1
}

# wait_until COMMAND...: for 30 s.
wait_until() {
  tries=300
  until "$@" 2>/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "in vain: $*"
    sleep 0.1
  done
}

unused_vfs() {
  for function in "/sys/class/net/$pf/device"/virtfn*; do
    [ -e "$function/driver" ] || printf '%s\n' "${function##*virtfn}"
  done
}

address_of() { basename "$(readlink -f "/sys/class/net/$pf/device/virtfn$1")"; }

# udev may give it another name meanwhile.
into_namespace() {
  for dir in "/sys/bus/pci/devices/$1/net"/*; do ip link set "${dir##*/}" netns $ns; done
}

inside() { ip netns exec $ns "$@"; }
bond() { inside cat "/sys/class/net/bond0/$1"; }
slaves() { bond bonding/slaves | wc -w; }
has_slaves() { [ "$(slaves)" = "$1" ]; }

# The VF or the other one, whichever carries the traffic.
active() {
  name=$(bond bonding/active_slave)
  device=$(inside readlink -f "/sys/class/net/$name/device")
  if [ "${device##*/}" = "$vf" ]; then echo vf; else echo virtio; fi
}
is_active() { [ "$(active)" = "$1" ]; }

say() {
  name=$(bond bonding/active_slave)
  echo "$1: mac=$(bond address) mode=$(bond bonding/mode | cut -d' ' -f1) slaves=$(slaves)" \
    "active=$(active) active_mac=$(inside cat "/sys/class/net/$name/address")"
}

# A read-only /sys tells it that there is no udev to wait for; without a bus it works as well.
networkd() {
  ip netns exec $ns unshare --mount sh -c "
    mount -o remount,bind,ro /sys
    mount -t tmpfs tmpfs /run/dbus
    mount -t tmpfs -o mode=0755 tmpfs /run/systemd/netif
    install -d -o systemd-network -g systemd-network /run/systemd/netif /run/systemd/netif/links /run/systemd/netif/leases \\
      /run/systemd/netif/lldp
    mount --bind '$kit' /etc/systemd/network
    exec /usr/lib/systemd/systemd-networkd" >/run/vnic-kit.log 2>&1 &
  networkd=$!
}

clean_up() {
  [ -z "${networkd:-}" ] || kill "$networkd" 2>/dev/null || true
  wait
  modprobe -r igbvf || true
  ip netns del $ns || true
  ip link set $pf vf "$first" mac 00:00:00:00:00:00
  ip link set $pf vf "$second" mac 00:00:00:00:00:00 trust off
}

# shellcheck disable=SC2046 # two words
set -- $(unused_vfs | tail -n 2)
[ $# = 2 ] || fail "no two unused VFs on $pf"
first=$1 second=$2
vf=$(address_of "$first") virtio=$(address_of "$second")
mkdir -p /run/systemd/netif /run/dbus /etc/systemd/network
trap clean_up EXIT
ip netns add $ns
ip link set $pf vf "$first" mac $vf_mac
ip link set $pf vf "$second" mac $virtio_mac trust on  # so that it may take the bond's address, as virtio may
modprobe bonding max_bonds=0
modprobe igbvf
wait_until into_namespace "$vf"
wait_until into_namespace "$virtio"
networkd
wait_until has_slaves 2
wait_until is_active vf
say together
echo "$vf" >/sys/bus/pci/drivers/igbvf/unbind
wait_until has_slaves 1
wait_until is_active virtio
say away
echo "$vf" >/sys/bus/pci/drivers/igbvf/bind
wait_until into_namespace "$vf"
wait_until has_slaves 2
wait_until is_active vf
say back
