# SPDX-License-Identifier: Apache-2.0
# Guests: defined from templates, started, waited for, removed. Sourced by lab.
# shellcheck shell=bash disable=SC2154 # run_id, run_dir, lab_dir are lab's
#
# $run_dir/guests/NAME.env has one line per NIC, "TEMPLATE COLOR MAC ADDRESS"; NAME.xml is what was
# defined. Which host a guest is on is only asked, never written down: it moves.

# guest_check NAME
guest_check() {
  [ -e "$run_dir/guests/$1.env" ] || die "there is no guest '$1' ('lab guests' shows those that there are)."
}

guest_names() { find "$run_dir/guests" -name '*.env' -printf '%f\n' | sed 's/\.env$//' | sort; }

# guest_define HOST KIND NAME [ADDRESS...]: defines NAME on HOST and starts it. Addresses are taken
# per NIC, in order; the rest, as all that is not given, is chosen.
guest_define() {
  local define_namespace=$LAB_GUEST_NAMESPACE define_memory=$LAB_GUEST_MEMORY_MIB define_vfs=() start=yes extra=''
  while [[ ${1:-} == --* ]]; do
    case $1 in
    --namespace) define_namespace=$2 && shift 2 ;;
    --memory) define_memory=$2 && shift 2 ;;
    --vf) define_vfs+=("$2") && shift 2 ;;
    # A guest whose kernel ignores hot-plug: an unplug request is never answered.
    --deaf) extra=' acpiphp.disable=1 pcie_ports=compat' && shift ;;
    --no-start) start= && shift ;;
    *) die "define does not know '$1'." ;;
    esac
  done
  [ $# -ge 3 ] || die "define needs HOST KIND NAME; kinds: $(guest_kinds)"
  local host=$1 kind=$2 name=$3 nics addresses index=0
  shift 3
  addresses=("$@")
  host_check "$host"
  nics=$(guest_kind "$kind")
  [ -n "$nics" ] || die "there is no kind '$kind': choose from $(guest_kinds)"
  [[ $name =~ ^[a-z0-9][a-z0-9-]{0,39}$ ]] || die "'$name' cannot name a guest: lower case letters, digits and dashes."
  [ ! -e "$run_dir/guests/$name.env" ] || die "there is a guest '$name' already: 'lab delete $name' removes it."

  # One at a time: two would choose the same address or VF.
  local lock
  exec {lock}>"$run_dir/guests/lock"
  flock "$lock"
  local nic template color mac address vf interfaces='' arguments='' lines=''
  for nic in $nics; do
    template=${nic%%:*} color=${nic#*:}
    mac=$(guest_mac "$name/$color")
    address=${addresses[index]:-$(guest_free_address "$color")}
    vf=''
    if [ "$template" != virtio ]; then
      vf=${define_vfs[index]:-$(host_free_vf "$host" "$color")}
      [ -n "$vf" ] || die "$host has no free VF on $(fabric "$color" pf)."
    fi
    interfaces+=$(guest_interface "$template" "$color" "$mac" "$vf" "$(guest_mac "$name/$color/virtio")")$'\n'
    arguments+=" lab.nic=$template,$mac,$address/24"
    [ "$template" != bond ] || arguments+=" lab.bond=$(guest_mac "$name/$color/virtio")"
    lines+="$template $color $mac $address"$'\n'
    # A probe of an earlier guest with this address left its fixed neighbour.
    in_namespace ip neigh del "$address" dev "$color" 2>/dev/null || true
    index=$((index + 1))
  done
  guest_domain "$name" "$define_namespace" "$define_memory" "$arguments$extra" "$interfaces" \
    >"$run_dir/guests/$name.xml"
  host_ssh "$host" "cat >/run/$name.xml && virsh -q define --validate /run/$name.xml" \
    <"$run_dir/guests/$name.xml" >/dev/null
  printf '%s' "$lines" >"$run_dir/guests/$name.env"
  exec {lock}>&-
  [ -z "$start" ] || host_virsh "$host" start "$name" >/dev/null || die "$name does not start on $host."
  note "$name is $([ -n "$start" ] && echo running || echo defined) on $host:" "$(awk '{ print $1, $2, $3, $4 ";" }' <<<"${lines%$'\n'}" | tr '\n' ' ')"
}

guest_interface() {
  local vf=$4
  sed -e "s/@COLOR@/$2/g; s/@MAC@/$3/g; s/@VIRTIO_MAC@/$5/g; s/@NETWORK@/$(tenant_network "$2")/g" \
    -e "s/@VF_DOMAIN@/${vf:0:4}/; s/@VF_BUS@/${vf:5:2}/; s/@VF_SLOT@/${vf:8:2}/; s/@VF_FUNCTION@/${vf:11:1}/" \
    "$lab_dir/guests/nic-$1.xml"
}

guest_domain() {
  local interfaces
  interfaces=$(mktemp)
  printf '%s' "$5" >"$interfaces"
  sed -e "s/@NAME@/$1/g; s/@UUID@/$(name_uuid "$run_id/guest/$1")/; s/@NAMESPACE@/$2/; s/@MEMORY_MIB@/$3/" \
    -e "s#@GUEST_DIR@#$LAB_GUEST_DIR#g; s#@ARGUMENTS@#$4#" \
    -e "/@INTERFACES@/{
      r $interfaces
      d
    }" "$lab_dir/guests/domain.xml"
  rm -f "$interfaces"
}

# guest_mac KEY: the same for the same name, so that a test can be read again after it ran.
guest_mac() { printf '%s' "$1" | md5sum | sed 's/^\(..\)\(..\)\(..\).*/52:54:00:\1:\2:\3/'; }

# guest_free_address COLOR: the first that no guest of the run has.
guest_free_address() {
  local subnet number=$LAB_GUEST_FIRST_ADDRESS
  subnet=$(fabric "$1" subnet)
  while grep -qs " $subnet.$number\$" "$run_dir"/guests/*.env; do number=$((number + 1)); done
  printf '%s.%s\n' "$subnet" "$number"
}

# host_free_vf HOST COLOR: the first VF of the color's PF that no domain of the host names.
host_free_vf() {
  host_ssh "$1" sh -s "$(fabric "$2" pf_address)" <<'END'
used=$(for domain in $(virsh -q list --all --uuid); do
  virsh dumpxml "$domain"
  virsh dumpxml --inactive "$domain"
done | sed -n "s/.*<address type='pci' domain='0x\(....\)' bus='0x\(..\)' slot='0x\(..\)' function='0x\(.\)'.*/\1:\2:\3.\4/p")
for vf in $(ls -d "/sys/bus/pci/devices/$1"/virtfn* | sort -V); do
  vf=$(basename "$(readlink "$vf")")
  case " $(echo $used) " in *" $vf "*) ;; *) echo "$vf" && exit ;; esac
done
END
}

# guest_host NAME: the host where it runs; nothing when it runs nowhere.
guest_host() {
  local host
  for host in "${LAB_HOSTS[@]}"; do
    [ "$(host_virsh "$host" domstate "$1" 2>/dev/null)" != running ] || printf '%s\n' "$host"
  done
}

# guest_wait NAME [SECONDS]: until every address of it answers.
guest_wait() {
  local name=$1 seconds=${2:-90} address
  guest_check "$name"
  while read -r _ _ _ address; do
    wait_until "$seconds" in_namespace ping -q -c 1 -W 1 "$address" ||
      die "$name does not answer on $address within $seconds seconds."
  done <"$run_dir/guests/$name.env"
  note "$name answers"
}

# guest_move [--automatic] NAME HOST: by hand, without the operator (see move.py).
guest_move() {
  local mode=()
  [ "$1" != --automatic ] || { mode=("$1") && shift; }
  local name=$1 target=$2 source template color vfs=()
  guest_check "$name"
  host_check "$target"
  source=$(guest_host "$name")
  case $source in
  '' | "$target") die "$name runs on '${source:-no host}' and cannot move to $target." ;;
  esac
  while read -r template color _; do
    [ "$template" != virtio ] || continue
    # The second VF NIC of one color would need the second free VF: no kind has that.
    vfs+=("$(host_free_vf "$target" "$color" </dev/null)")
  done <"$run_dir/guests/$name.env"
  in_namespace python3 -I "$lab_dir/move.py" "${mode[@]}" "$name" "qemu+tls://$target/system" \
    "virsh -q -c $(host_uri "$source")" "virsh -q -c $(host_uri "$target")" "${vfs[@]}"
}

# guest_delete NAME: from every host, whatever became of it.
guest_delete() {
  local host
  guest_check "$1"
  for host in "${LAB_HOSTS[@]}"; do
    host_virsh "$host" dominfo "$1" >/dev/null 2>&1 || continue
    host_virsh "$host" destroy "$1" >/dev/null 2>&1 || true
    # A domain without a definition is gone once it is destroyed.
    host_virsh "$host" undefine "$1" >/dev/null 2>&1 || true
    ! host_virsh "$host" dominfo "$1" >/dev/null 2>&1 || die "$1 cannot be removed from $host."
    host_ssh "$host" "rm -f $LAB_GUEST_DIR/$1.log"
  done
  rm -f "$run_dir/guests/$1.env" "$run_dir/guests/$1.xml"
  note "$1 is removed"
}

guest_has_printed() { guest_console "$1" | grep -q NICS-END; }

# guest_nics NAME: its NICs as it printed them last, on the host where it runs now. After a boot or
# a migration it prints a moment after it answers.
guest_nics() {
  wait_until 20 guest_has_printed "$1" || die "$1 has not printed its NICs."
  guest_console "$1" | tr -d '\r' | awk '
    /^NICS / { block = "" }
    /^NIC / { block = block $0 "\n" }
    /^NICS-END/ { last = block }
    END { printf "%s", last }'
}

# guest_list: name, host, NICs.
guest_list() {
  local name
  for name in $(guest_names); do
    printf '%s on %s\n' "$name" "$(guest_host "$name" | tr '\n' ' ')"
    sed 's/^/  /' "$run_dir/guests/$name.env"
  done
}

# guest_console NAME: what it printed, from the host where it runs now.
guest_console() {
  local host
  guest_check "$1"
  host=$(guest_host "$1")
  [ -n "$host" ] || die "$1 runs nowhere."
  host_ssh "$host" "cat $LAB_GUEST_DIR/$1.log"
}
