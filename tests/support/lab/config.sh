# SPDX-License-Identifier: Apache-2.0
# Every name, address and size of the lab, in one place. Sourced by lab; nothing here does anything.
# shellcheck shell=bash disable=SC2034

# --- hosts -------------------------------------------------------------------------------------
readonly LAB_HOSTS=(host1 host2)
readonly LAB_HOST_MEMORY_MIB=2500
# QEMU's own needs beside the host's memory: translated code, video-less devices, page tables.
readonly LAB_HOST_OVERHEAD_MIB=600
readonly LAB_TRANSLATION_CACHE_MIB=512
readonly LAB_VFS_PER_PF=4
readonly LAB_BOOT_SECONDS=400
# For one call to a host; starting a guest takes a minute on a machine that is busy.
readonly LAB_VIRSH_SECONDS=300
# Hosts come before compilers and the like, so that what runs beside the lab changes little of what
# is measured in it; the prober comes before the hosts.
readonly LAB_HOST_NICENESS=-8
readonly LAB_PROBE_NICENESS=-10

# Debian's code name of the hosts: its libvirt and QEMU are the ones that are tested against.
readonly LAB_SUITE=trixie
readonly LAB_HOST_PACKAGES=(
  linux-image-amd64 systemd-sysv udev dbus iproute2 openssh-server
  libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86
  pciutils iputils-ping kmod ethtool tcpdump procps netbase
)
# Where a host keeps what guests boot, and their serial logs.
readonly LAB_GUEST_DIR=/var/lib/lab

# --- networks ----------------------------------------------------------------------------------
# Management: ssh, libvirt, migration streams, and the control plane. One address per host, the
# bridge has the first one.
readonly LAB_MANAGEMENT=10.77.0
# Two tenant networks, each a fabric of its own. A fabric reaches one PF of each host; the host has
# the PF in a bridge, for the standby NICs, and a libvirt network of this name says so.
#   color   PF netdev   PF address     host bridge   subnet
readonly LAB_FABRICS='
blue        enp1s0      0000:01:00.0   br0           10.88.0
green       enp2s0      0000:02:00.0   br1           10.89.0
'
readonly LAB_COLORS=(blue green)

# Whether the hosts' bridges learn addresses on their uplink, the PF. A guest's broadcasts through a VF
# are handed to the PF by the card's own switch; a bridge that learns from them drops what later
# comes in for the standby, for minutes. Administrators who bridge a PF switch that off.
readonly LAB_UPLINK_LEARNING=${LAB_UPLINK_LEARNING:-off}

# host_number HOST: 1 for host1.
host_number() { printf '%s\n' "${1#host}"; }

# host_address HOST: its address on the management network.
host_address() { printf '%s.1%s\n' "$LAB_MANAGEMENT" "$(host_number "$1")"; }

# fabric COLOR FIELD: a column of LAB_FABRICS; FIELD is pf, pf_address, bridge or subnet.
fabric() {
  local column
  case $2 in
  pf) column=2 ;; pf_address) column=3 ;; bridge) column=4 ;; subnet) column=5 ;;
  *) die "no column '$2' in LAB_FABRICS." ;;
  esac
  awk -v color="$1" -v column="$column" '$1 == color { print $column }' <<<"$LAB_FABRICS"
}

# tenant_network COLOR: the libvirt network.
tenant_network() { printf 'tenant-%s\n' "$1"; }

# --- guests ------------------------------------------------------------------------------------
readonly LAB_GUEST_MEMORY_MIB=256
readonly LAB_GUEST_NAMESPACE=default
# A kind is a list of NICs, each "template:color"; templates are guests/nic-*.xml.
#   failover   virtio standby and VF, one MAC
#   vf         a VF alone
#   virtio     a plain NIC on the tenant network
#   bond       a VF and a virtio NIC that the guest joins by the guest kit (deploy/guest); the MAC is
#              the VF's and the bond's
readonly LAB_GUEST_KINDS='
failover    failover:blue
vf          vf:blue
pair2       failover:blue failover:green
virtio      virtio:blue
mixed       failover:blue vf:green
bond        bond:blue
'
# Guests get addresses from here upwards; the fabric's own address is .1.
readonly LAB_GUEST_FIRST_ADDRESS=50

# guest_kind KIND: its NICs.
guest_kind() { awk -v kind="$1" '$1 == kind { $1 = ""; print }' <<<"$LAB_GUEST_KINDS"; }
guest_kinds() { awk 'NF { printf "%s ", $1 }' <<<"$LAB_GUEST_KINDS"; }
