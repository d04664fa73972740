# SPDX-License-Identifier: Apache-2.0
# The network namespace of a run: bridges, and the hosts' taps on them. Sourced by lab.
# shellcheck shell=bash disable=SC2154 # run_id, run_dir, lab_dir are lab's
#
#   management  10.77.0.1/24   every host's virtio NIC; the control plane and the operator live here
#   blue        10.88.0.1/24   the first PF of every host
#   green       10.89.0.1/24   the second PF of every host

network_up() {
  local namespace host color
  namespace=$(run_namespace)
  ip netns add "$namespace" || die "the network namespace $namespace cannot be made, see above."
  # Programs that run in the namespace find the hosts by name.
  mkdir -p "/etc/netns/$namespace"
  network_hosts_file >"/etc/netns/$namespace/hosts"
  in_namespace ip link set lo up
  network_bridge management "$LAB_MANAGEMENT.1"
  for color in "${LAB_COLORS[@]}"; do network_bridge "$color" "$(fabric "$color" subnet).1"; done
  for host in "${LAB_HOSTS[@]}"; do
    network_tap "$host-mgmt" management
    for color in "${LAB_COLORS[@]}"; do network_tap "$host-$color" "$color"; done
  done
}

network_hosts_file() {
  local host
  printf '127.0.0.1 localhost\n'
  for host in "${LAB_HOSTS[@]}"; do printf '%s %s\n' "$(host_address "$host")" "$host"; done
}

network_bridge() {
  in_namespace ip link add "$1" type bridge
  in_namespace ip link set "$1" up
  in_namespace ip address add "$2/24" dev "$1"
}

network_tap() {
  in_namespace ip tuntap add "$1" mode tap
  in_namespace ip link set "$1" master "$2" up
}

in_namespace() { ip netns exec "$(run_namespace)" "$@"; }
