# SPDX-License-Identifier: Apache-2.0
# The hosts of a run: two machines under QEMU with SR-IOV cards and libvirt. Sourced by lab.
# shellcheck shell=bash disable=SC2154 # run_id, run_dir, lab_dir are lab's

# host_check NAME
host_check() {
  [[ " ${LAB_HOSTS[*]} " == *" $1 "* ]] || die "there is no host '$1': choose from ${LAB_HOSTS[*]}."
}

# host_prepare HOST: disk, and the seed with all that makes this host (see image/lab-host).
host_prepare() {
  local host=$1 dir=$run_dir/$1 seed color
  seed=$dir/seed
  mkdir -p "$seed"/{etc/lab,etc/ssh,root/.ssh}
  chmod 700 "$seed/root" "$seed/root/.ssh"
  qemu-img create -q -f qcow2 -b "$(cat "$run_dir/image")/disk.qcow2" -F qcow2 "$dir/disk.qcow2"
  cat >"$seed/etc/lab/host.env" <<END
HOST=$host
MANAGEMENT_MAC=$(host_mac "$host" aa)
MANAGEMENT_ADDRESS=$(host_address "$host")
VFS_PER_PF=$LAB_VFS_PER_PF
UPLINK_LEARNING=$LAB_UPLINK_LEARNING
END
  for color in "${LAB_COLORS[@]}"; do
    printf '%s %s %s\n' "$(fabric "$color" pf)" "$(fabric "$color" pf_address)" "$(fabric "$color" bridge)"
  done >"$seed/etc/lab/fabrics"
  network_hosts_file >"$seed/etc/hosts"
  printf '%s\n' "$host" >"$seed/etc/hostname"
  cp "$run_dir/ssh/id.pub" "$seed/root/.ssh/authorized_keys"
  ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$seed/etc/ssh/ssh_host_ed25519_key"
  printf '%s,%s %s\n' "$host" "$(host_address "$host")" "$(cat "$seed/etc/ssh/ssh_host_ed25519_key.pub")" \
    >>"$run_dir/ssh/known_hosts"
  pki_host "$run_dir/pki" "$seed" "$host"
  tar -C "$seed" --owner=0 --group=0 -cf "$dir/seed.tar" etc root
  rm -rf "$seed"
}

# host_mac HOST GROUP: unique within a run, which is all that sees it.
host_mac() { printf '52:54:00:%s:00:1%s\n' "$2" "$(host_number "$1")"; }

# host_start HOST: -cpu max,+svm gives the host a working /dev/kvm although everything is emulated;
# its guests are then translated once, not twice.
host_start() {
  local host=$1 dir=$run_dir/$1 image color port=0 nics=()
  image=$(cat "$run_dir/image")
  for color in "${LAB_COLORS[@]}"; do
    port=$((port + 1))
    nics+=(
      -netdev "tap,id=$color,ifname=$host-$color,script=no,downscript=no"
      -device "pcie-root-port,id=port$port,chassis=$port"
      -device "igb,netdev=$color,bus=port$port,mac=$(host_mac "$host" "b$port")"
    )
  done
  process_start "$dir/pid" "$dir/qemu.log" \
    ip netns exec "$(run_namespace)" qemu-system-x86_64 \
    -name "$host" -uuid "$(name_uuid "$run_id/$host")" \
    -machine q35,sata=off,smbus=off,i8042=off,vmport=off -accel "tcg,thread=multi,tb-size=$LAB_TRANSLATION_CACHE_MIB" -cpu max,+svm -smp 1 \
    -m "$LAB_HOST_MEMORY_MIB" -nodefaults -display none \
    -serial "file:$dir/serial.log" -monitor "unix:$dir/monitor,server,nowait" \
    -device intel-iommu,intremap=off \
    -kernel "$image/vmlinuz" -initrd "$image/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet intel_iommu=on iommu=pt mitigations=off net.ifnames=1 iomem=relaxed lsm=capability systemd.show_status=0 systemd.ssh_auto=no systemd.machine_id=$(name_uuid "$run_id/$host" | tr -d -)" \
    -fw_cfg "name=opt/vnic-lab/seed,file=$dir/seed.tar" \
    -drive "file=$dir/disk.qcow2,if=virtio,format=qcow2,cache=unsafe" \
    -netdev "tap,id=management,ifname=$host-mgmt,script=no,downscript=no" \
    -device "virtio-net-pci,netdev=management,mac=$(host_mac "$host" aa)" \
    "${nics[@]}" -device virtio-rng-pci
  process_niceness "$dir/pid" "$LAB_HOST_NICENESS"
}

# host_wait HOST: until libvirt answers over TLS with its tenant networks, and ssh does.
host_wait() {
  local host=$1 deadline=$((SECONDS + LAB_BOOT_SECONDS)) said=$SECONDS
  until host_answers "$host"; do
    process_alive "$run_dir/$host/pid" || die "$host ended while it booted: $(host_last_words "$host")"
    [ "$SECONDS" -lt "$deadline" ] ||
      die "$host is not there after $LAB_BOOT_SECONDS seconds: $(host_last_words "$host")"
    if [ $((SECONDS - said)) -ge 10 ]; then
      said=$SECONDS
      note "$host is booting"
    fi
    sleep 0.5
  done
  host_connect "$host"
  note "$host answers"
}

# host_power HOST on|off: off is a power cut. On waits until it is back.
host_power() {
  local host=$1 pid
  host_check "$host"
  case $2 in
  off)
    pid=$(process_pid "$run_dir/$host/pid") || die "$host is off already."
    kill -KILL "$pid"
    WAIT_INTERVAL=0.05 wait_until 10 process_gone "$run_dir/$host/pid" || die "process $pid does not end."
    process_stop "$run_dir/ssh/$host.pid"
    ;;
  on)
    ! process_alive "$run_dir/$host/pid" || die "$host is on already."
    host_start "$host"
    host_wait "$host"
    ;;
  *) die "power is on or off." ;;
  esac
}

host_last_words() {
  tail -n 3 "$run_dir/$1/qemu.log" "$run_dir/$1/serial.log" 2>/dev/null | tr -d '\r' | tail -c 600
}

# A quick look first: virsh waits long for a host that does not answer at all.
host_answers() {
  local color active
  in_namespace timeout 2 bash -c "</dev/tcp/$(host_address "$1")/16514" 2>/dev/null || return 1
  active=$(host_virsh "$1" net-list --name 2>/dev/null) || return 1
  for color in "${LAB_COLORS[@]}"; do
    grep -qx "$(tenant_network "$color")" <<<"$active" || return 1
  done
}

host_uri() { printf 'qemu+tls://%s/system?pkipath=%s\n' "$1" "$run_dir/pki/client"; }

# host_virsh HOST ARGUMENT...: virsh from here, over TLS, as the operator comes.
host_virsh() {
  local host=$1
  shift
  in_namespace timeout "$LAB_VIRSH_SECONDS" virsh -q -c "$(host_uri "$host")" "$@"
}

ssh_prepare() {
  local host
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$run_dir/ssh/id"
  for host in "${LAB_HOSTS[@]}"; do
    cat <<END
Host $host
  HostName $(host_address "$host")
END
  done >"$run_dir/ssh/config"
  cat >>"$run_dir/ssh/config" <<END
Host *
  User root
  IdentityFile $run_dir/ssh/id
  IdentitiesOnly yes
  BatchMode yes
  UserKnownHostsFile $run_dir/ssh/known_hosts
  ControlPath $run_dir/ssh/%n.socket
  ServerAliveInterval 15
  LogLevel ERROR
END
}

# host_connect HOST: one connection that all later commands share; a login takes a second there.
host_connect() {
  process_start "$run_dir/ssh/$1.pid" "$run_dir/ssh/$1.log" \
    ip netns exec "$(run_namespace)" ssh -F "$run_dir/ssh/config" -M -N "$1"
  wait_until 30 ssh -F "$run_dir/ssh/config" -O check "$1" ||
    die "$1 does not let us in: $(cat "$run_dir/ssh/$1.log")"
}

# host_ssh HOST [COMMAND]
host_ssh() {
  in_namespace ssh -F "$run_dir/ssh/config" "$@"
}

hosts_up() {
  local host
  for host in "${LAB_HOSTS[@]}"; do host_prepare "$host"; done
  for host in "${LAB_HOSTS[@]}"; do host_start "$host"; done
  note "booting ${LAB_HOSTS[*]} (about 45 s)"
  for host in "${LAB_HOSTS[@]}"; do host_wait "$host"; done
}

# host_learning HOST on|off: see LAB_UPLINK_LEARNING.
host_learning() {
  host_ssh "$1" "while read -r pf _; do bridge link set dev \$pf learning $2; done </etc/lab/fabrics"
}

# host_vfs HOST [COLOR COUNT]: shows the VFs, or gives a PF another number of them.
host_vfs() {
  local host=$1
  host_check "$host"
  if [ $# = 3 ]; then
    host_ssh "$host" "cd /sys/bus/pci/devices/$(fabric "$2" pf_address) && echo 0 >sriov_numvfs && echo $3 >sriov_numvfs"
  fi
  host_ssh "$host" sh -s <<'END'
while read -r pf address bridge; do
  for vf in $(ls -d "/sys/bus/pci/devices/$address"/virtfn* 2>/dev/null | sort -V); do
    vf=$(readlink -f "$vf")
    driver=$(readlink "$vf/driver")
    echo "$pf ${vf##*/} driver=${driver##*/} group=$(basename "$(readlink "$vf/iommu_group")")"
  done
done </etc/lab/fabrics
END
}
