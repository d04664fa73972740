# SPDX-License-Identifier: Apache-2.0
# The image that every host boots, in the cache: root file system, kernel, initrd. Sourced by lab.
# shellcheck shell=bash disable=SC2154,SC2030,SC2031 # lab_dir is lab's; image_work lives in one subshell
#
# Two steps, each kept under a hash of what decides its bytes: the system from Debian's packages
# (about a minute, needs the network), and what the lab adds to it (about half a minute).

readonly lab_guest_kit=$lab_dir/../../../deploy/guest
# Guest modules, relative to the kernel's module folder.
readonly GUEST_MODULES=(
  net/core/failover drivers/net/net_failover drivers/net/virtio_net
  drivers/net/ethernet/intel/igbvf/igbvf net/tls/tls drivers/net/bonding/bonding
)

image_cache() { printf '%s/lab\n' "$VNIC_CACHE"; }

image_system_key() {
  printf '%s\n' "$LAB_SUITE" "${LAB_HOST_PACKAGES[@]}" | sha256sum | cut -c1-12
}

image_key() {
  {
    image_system_key
    printf '%s\n' "$LAB_FABRICS" "$LAB_GUEST_DIR"
    cat "$lab_dir/image.sh" "$lab_dir"/image/* "$lab_guest_kit"/vnic-bond
  } | sha256sum | cut -c1-12
}

# image_dir: the folder of the current image: disk.qcow2, vmlinuz, initrd.
image_dir() { printf '%s/image-%s\n' "$(image_cache)" "$(image_key)"; }

image_present() { [ -e "$(image_dir)/disk.qcow2" ]; }

# image_build: makes the image unless it is there. Two at the same time: the second waits.
image_build() {
  if image_present; then
    touch "$(image_dir)"
    return
  fi
  require_root
  require_commands mmdebstrap mkfs.ext4 cpio qemu-img gcc
  mkdir -p "$(image_cache)"
  require_disk "$(image_cache)" 6
  require_disk "${TMPDIR:-/tmp}" 3
  (
    exec 9>"$(image_cache)/lock"
    flock -n 9 || { note "waiting for another build of the same image" && flock 9; }
    image_present && exit
    image_work=$(mktemp -d "$(image_cache)/building.XXXXXX")
    trap 'rm -rf "$image_work"' EXIT
    # Bash runs the EXIT trap of a subshell on a signal only when the signal itself is trapped.
    trap 'exit 130' INT
    trap 'exit 143' TERM
    image_system
    image_assemble
    image_prune
  )
}

image_system_file() { printf '%s/system-%s.tar\n' "$(image_cache)" "$(image_system_key)"; }

image_system() {
  local packages
  [ ! -e "$(image_system_file)" ] || return 0
  note "host image 1/4: Debian $LAB_SUITE from packages (about a minute)"
  packages=$(IFS=, && printf '%s' "${LAB_HOST_PACKAGES[*]}")
  mmdebstrap --variant=minbase --aptopt='APT::Install-Recommends "false"' \
    --include="$packages" "$LAB_SUITE" "$image_work/system.tar" "$(debian_mirror)" \
    > >(sed -u 's/^/    /' >&2) 2>&1 ||
    die "Debian $LAB_SUITE could not be installed from $(debian_mirror), see above."
  mv "$image_work/system.tar" "$(image_system_file)"
}

image_assemble() {
  local root=$image_work/root out=$image_work/out kernel
  mkdir "$root" "$out"
  note "host image 2/4: settings of the hosts"
  tar -C "$root" -xf "$(image_system_file)"
  image_settings "$root"
  note "host image 3/4: initial RAM disks of hosts and guests"
  kernel=$(basename "$root"/lib/modules/*)
  image_initrd "$root" "$kernel" "$out/initrd"
  image_guest_initrd "$root" "$kernel"
  cp "$root/boot/vmlinuz-$kernel" "$out/vmlinuz"
  note "host image 4/4: file system"
  truncate -s 3G "$image_work/disk.raw"
  mkfs.ext4 -q -d "$root" "$image_work/disk.raw"
  qemu-img convert -O qcow2 "$image_work/disk.raw" "$out/disk.qcow2"
  mv "$out" "$(image_dir)"
  note "host image: $(du -sh "$(image_dir)" | cut -f1) in $(image_dir)"
}

# image_settings ROOT: everything that is the same on every host and in every run. Names, keys and
# certificates come at boot (image/lab-host).
image_settings() {
  local root=$1 color
  install -m 755 "$lab_dir/image/lab-host" "$root/usr/local/sbin/"
  install -m 644 "$lab_dir"/image/*.service "$root/etc/systemd/system/"
  gcc -static -O2 -Wall -o "$root/usr/local/sbin/igb-default-pool" "$lab_dir/image/igb-default-pool.c"
  printf '%s\n' vfio-pci kvm-amd igb virtio_net qemu_fw_cfg >"$root/etc/modules-load.d/lab.conf"
  # The hosts leave VFs to vfio. QEMU's emulated IOMMU cannot remap interrupts.
  printf 'blacklist igbvf\noptions vfio_iommu_type1 allow_unsafe_interrupts=1\n' \
    >"$root/etc/modprobe.d/lab.conf"
  printf 'security_driver = "none"\nuser = "root"\ngroup = "root"\nremember_owner = 0\n' \
    >>"$root/etc/libvirt/qemu.conf"
  # Without this an idle daemon ends after two minutes, and every client sees it go.
  printf 'LIBVIRTD_ARGS=""\n' >"$root/etc/default/libvirtd"
  rm -f "$root"/etc/libvirt/qemu/networks/{,autostart/}default.xml
  mkdir -p "$root/etc/libvirt/qemu/networks/autostart"
  for color in "${LAB_COLORS[@]}"; do
    image_tenant_network "$color" >"$root/etc/libvirt/qemu/networks/$(tenant_network "$color").xml"
    ln -s "../$(tenant_network "$color").xml" "$root/etc/libvirt/qemu/networks/autostart/"
  done
  # Many commands at once over one connection; no name lookups that nobody answers. PAM costs a
  # second per login on an emulated machine.
  rm -f "$root"/etc/ssh/ssh_host_*
  printf 'MaxSessions 100\nMaxStartups 100\nUseDNS no\nUsePAM no\nHostKey /etc/ssh/ssh_host_ed25519_key\n' \
    >"$root/etc/ssh/sshd_config.d/lab.conf"
  printf '%032d\n' 1 >"$root/etc/machine-id"
  image_systemctl "$root" enable lab-host.service igb-default-pool.service ssh.service libvirtd.service libvirtd-tls.socket
  image_quick_boot "$root"
}

# image_quick_boot ROOT: an emulated machine is some twenty times slower than a real one, so all
# that a host does not need at boot is left out.
image_quick_boot() {
  local root=$1
  image_systemctl "$root" set-default multi-user.target
  image_systemctl "$root" mask apt-daily.timer apt-daily-upgrade.timer man-db.timer fstrim.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service systemd-timesyncd.service \
    systemd-tmpfiles-clean.timer libvirt-guests.service ldconfig.service \
    systemd-journal-flush.service systemd-journal-catalog-update.service systemd-update-done.service \
    systemd-random-seed.service systemd-pstore.service systemd-udev-load-credentials.service \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount dev-mqueue.mount \
    modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service \
    getty@tty1.service serial-getty@ttyS0.service
  mkdir -p "$root"/etc/systemd/{journald.conf.d,system/systemd-udev-trigger.service.d}
  printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
  # Only the kinds of devices that somebody waits for or libvirt reads, not 70 terminals.
  printf '[Service]\nExecStart=\nExecStart=udevadm trigger --action=add%s\n' \
    "$(printf ' --subsystem-match=%s' block net pci virtio misc)" \
    >"$root/etc/systemd/system/systemd-udev-trigger.service.d/lab.conf"
  printf 'blacklist %s\n' lpc_ich i2c_i801 pcspkr psmouse vsock vmw_vsock_vmci_transport vmw_vmci \
    >>"$root/etc/modprobe.d/lab.conf"
}

# image_systemctl ROOT COMMAND...: inside, because this machine may have no systemd of its own.
image_systemctl() {
  chroot "$1" systemctl "${@:2}" >"$image_work/systemctl.log" 2>&1 ||
    die "the hosts' services could not be set: $(tail -3 "$image_work/systemctl.log")"
}

image_tenant_network() {
  printf '<network><name>%s</name><uuid>%s</uuid><forward mode="bridge"/><bridge name="%s"/></network>\n' \
    "$(tenant_network "$1")" "$(name_uuid "network/$1")" "$(fabric "$1" bridge)"
}

# image_initrd ROOT KERNEL FILE: busybox, the drivers of the disk in the order of their
# dependencies, and one script.
image_initrd() {
  local root=$1 kernel=$2 dir=$image_work/initrd file
  mkdir -p "$dir"/{bin,modules,proc,sys,dev,root}
  cp /bin/busybox "$dir/bin/"
  install -m 755 "$lab_dir/image/host-init" "$dir/init"
  chroot "$root" modprobe --set-version "$kernel" --show-depends --all virtio_blk ext4 |
    sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
    while read -r file; do
      image_module "$root$file" "$dir/modules"
      file=$(basename "$file" .xz) && printf '%s\n' "$file" >>"$dir/modules/order"
    done
  image_pack "$dir" "$3"
}

# image_module FILE DIR: copies a kernel module, unpacked.
image_module() {
  case $1 in
  *.xz) xz -dc "$1" >"$2/$(basename "$1" .xz)" ;;
  *) cp "$1" "$2/" ;;
  esac
}

image_pack() { (cd "$1" && find . | cpio -o -H newc --quiet | gzip) >"$2"; }

# image_guest_initrd ROOT KERNEL: the guest is the host's kernel, busybox, a few modules, one script, and
# the guest kit's.
image_guest_initrd() {
  local root=$1 kernel=$2 guest=$image_work/guest module
  mkdir -p "$guest"/{bin,modules,proc,sys,dev} "$root$LAB_GUEST_DIR"
  cp /bin/busybox "$guest/bin/"
  install -m 755 "$lab_dir/image/guest-init" "$guest/init"
  install -m 755 "$lab_guest_kit/vnic-bond" "$guest/bin/"
  for module in "${GUEST_MODULES[@]}"; do
    image_module "$(echo "$root/lib/modules/$kernel/kernel/$module".ko*)" "$guest/modules"
  done
  image_pack "$guest" "$root$LAB_GUEST_DIR/guest.initrd"
  cp "$root/boot/vmlinuz-$kernel" "$root$LAB_GUEST_DIR/vmlinuz"
}

# image_prune: images of two weeks ago that no run boots from.
image_prune() {
  local entry
  find "$(image_cache)" -mindepth 1 -maxdepth 1 \( -name 'image-*' -o -name 'system-*' \) -mtime +14 |
    while read -r entry; do
      grep -qsF "$entry" "$VNIC_RUN"/*/image || rm -rf "$entry"
    done
}
