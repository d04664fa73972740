# SPDX-License-Identifier: Apache-2.0
# Runs of the lab: each has a directory, a network namespace and processes of its own, and nothing
# else. Sourced by lab.
# shellcheck shell=bash disable=SC2154 # run_id, run_dir, lab_dir are lab's
#
# A run's directory:
#   state       "starting" until the lab is up, then "up"
#   owner       pid and start time of the process without which the run is of no use
#   image       the image that the hosts boot
#   pki/        ca.pem, client/ (for the operator; pkipath of a libvirt URI)
#   ssh/        config, keys, one control socket per host
#   host1/ ...  disk, serial.log, qemu.log, pid
#   guests/     what was defined: NAME.env, NAME.xml
#   probes/     LABEL.log, LABEL.pid

# run_select [ID]: sets run_id and run_dir of an existing run: ID, else LAB_RUN, else the newest.
run_select() {
  run_id=${1:-${LAB_RUN:-}}
  if [ -z "$run_id" ]; then
    [ -e "$VNIC_RUN/current" ] || die "no lab is up: start one with 'lab up'."
    run_id=$(basename "$(readlink "$VNIC_RUN/current")")
  fi
  run_dir=$VNIC_RUN/$run_id
  [ -e "$run_dir/state" ] || die "there is no run '$run_id' ('lab list' shows those that there are)."
}

# run_create [ID]
run_create() {
  run_id=${1:-${LAB_RUN:-$(openssl rand -hex 3)}}
  run_dir=$VNIC_RUN/$run_id
  [[ $run_id =~ ^[a-z0-9][a-z0-9-]{0,31}$ ]] ||
    die "'$run_id' cannot name a run: lower case letters, digits and dashes, 32 at most."
  [ ${#run_dir} -le 80 ] ||
    die "$run_dir is too long for the sockets in it: choose a shorter VNIC_RUN."
  mkdir -p "$VNIC_RUN"
  [ ! -e "/run/netns/$(run_namespace)" ] ||
    die "the network namespace $(run_namespace) is in use: end that run with 'lab down $run_id', or choose another LAB_RUN."
  mkdir "$run_dir" 2>/dev/null || die "there is a run '$run_id' already: end it with 'lab down $run_id'."
  chmod 700 "$run_dir"
  mkdir "$run_dir"/{pki,ssh,guests,probes}
  echo starting >"$run_dir/state"
}

run_namespace() { printf 'vnic-%s\n' "${1:-$run_id}"; }

run_ids() {
  local dir
  for dir in "$VNIC_RUN"/*/; do
    # The symbolic link `current` is no run.
    if [ -e "$dir/state" ] && [ ! -L "${dir%/}" ]; then basename "$dir"; fi
  done
}

# run_status ID: up, starting, or dead. Dead: its hosts or its owner have ended.
run_status() {
  local dir=$VNIC_RUN/$1 host
  [ ! -e "$dir/owner" ] || process_alive "$dir/owner" || { echo dead && return; }
  if [ "$(cat "$dir/state")" = starting ]; then
    echo starting
    return
  fi
  for host in "${LAB_HOSTS[@]}"; do
    process_alive "$dir/$host/pid" || { echo dead && return; }
  done
  echo up
}

run_list() {
  local id found=
  require_root
  for id in $(run_ids); do
    found=yes
    printf '%-12s %-9s %s  namespace %s, since %s\n' "$id" "$(run_status "$id")" "$VNIC_RUN/$id" \
      "$(run_namespace "$id")" "$(date -r "$VNIC_RUN/$id/pki" '+%F %T')"
  done
  [ -n "$found" ] || echo "no lab is there"
}

# run_refuse_dead: an earlier run that died still holds memory, disk and processes.
run_refuse_dead() {
  local id dead=()
  for id in $(run_ids); do
    [ "$(run_status "$id")" != dead ] || dead+=("$id")
  done
  [ ${#dead[@]} = 0 ] ||
    die "an earlier run died and left its parts behind (${dead[*]} in $VNIC_RUN): clean up with '$lab_dir/lab down --dead'."
}

# run_down ID: ends every process of the run and removes all that it made. Safe to repeat.
run_down() {
  local id=$1 dir=$VNIC_RUN/$1 namespace pidfile
  namespace=$(run_namespace "$id")
  note "run $id: ending its processes"
  if [ -d "$dir" ]; then
    while read -r pidfile; do process_stop "$pidfile" 3; done < <(find "$dir" -name '*pid' -type f)
  fi
  if [ -e "/run/netns/$namespace" ]; then
    # Whatever else runs in the run's own namespace: operator, control plane, shells.
    namespace_end_processes "$namespace" TERM 5
    namespace_end_processes "$namespace" KILL 5
    ip netns del "$namespace"
  fi
  rm -rf "/etc/netns/$namespace" "$dir"
  rmdir /etc/netns 2>/dev/null || true
  if [ "$(readlink "$VNIC_RUN/current")" = "$id" ]; then
    rm "$VNIC_RUN/current"
    # Another run that is left is the one that commands mean from now on.
    for id in $(run_ids); do ln -sfn "$id" "$VNIC_RUN/current"; done
    id=$1
  fi
  note "run $id: gone"
}

# namespace_others NAMESPACE: pids in it, but for this script and those that started it.
namespace_others() {
  local mine=' ' pid=$$
  while [ "${pid:-0}" -gt 1 ]; do
    mine+="$pid "
    pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
  done
  ip netns pids "$1" | while read -r pid; do
    [[ $mine == *" $pid "* ]] || printf '%s\n' "$pid"
  done
}

namespace_empty() { [ -z "$(namespace_others "$1")" ]; }

# namespace_end_processes NAMESPACE SIGNAL SECONDS
namespace_end_processes() {
  local pid
  for pid in $(namespace_others "$1"); do kill -"$2" "$pid" 2>/dev/null || true; done
  WAIT_INTERVAL=0.1 wait_until "$3" namespace_empty "$1" || true
}
