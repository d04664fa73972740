# SPDX-License-Identifier: Apache-2.0
# Probers on a fabric: one packet every 10 ms to a guest, and every lost one written down. Sourced
# by lab.
# shellcheck shell=bash disable=SC2154 # run_id, run_dir, lab_dir are lab's

probe_log() { printf '%s/probes/%s.log\n' "$run_dir" "$1"; }
probe_pidfile() { printf '%s/probes/%s.pid\n' "$run_dir" "$1"; }
probe_neighbour() { printf '%s/probes/%s.neighbour\n' "$run_dir" "$1"; }

# probe_start LABEL GUEST|ADDRESS
probe_start() {
  local label=$1 target=$2 mac='' color address
  [[ $label =~ ^[A-Za-z0-9._-]+$ ]] || die "'$label' cannot label a probe: letters, digits, dots, dashes."
  ! process_alive "$(probe_pidfile "$label")" || die "the probe '$label' is running already."
  if [ -e "$run_dir/guests/$target.env" ]; then
    target=$(awk 'NR == 1 { print $4 }' "$run_dir/guests/$target.env")
  fi
  read -r _ color mac address < <(cat "$run_dir"/guests/*.env 2>/dev/null | awk -v a="$target" '$4 == a') || true
  # The fabric's own address resolution would add its time-outs to an outage, or end it early by
  # making the guest speak. With a fixed neighbour only the path counts.
  if [ -n "$mac" ]; then
    printf '%s dev %s\n' "$address" "$color" >"$(probe_neighbour "$label")"
    in_namespace ip neigh replace "$address" lladdr "$mac" dev "$color" nud permanent
  fi
  process_start "$(probe_pidfile "$label")" "$run_dir/probes/$label.out" \
    ip netns exec "$(run_namespace)" python3 -I "$lab_dir/probe.py" run "$target" "$(probe_log "$label")"
  process_niceness "$(probe_pidfile "$label")" "$LAB_PROBE_NICENESS"
  wait_until 5 test -s "$(probe_log "$label")" ||
    die "the probe does not start: $(cat "$run_dir/probes/$label.out")"
}

# probe_stop LABEL: TERM makes it wait for late replies. Whoever asks for the guest later resolves its
# address as everybody does: a fixed neighbour would go on to be lost where a switch has it wrong.
probe_stop() {
  local neighbour
  process_stop "$(probe_pidfile "$1")" 5
  if read -r neighbour 2>/dev/null <"$(probe_neighbour "$1")"; then
    # shellcheck disable=SC2086 # several words
    in_namespace ip neigh del $neighbour
    rm "$(probe_neighbour "$1")"
  fi
}

# probe_report LABEL [OPTIONS]: see probe.py.
probe_report() {
  [ -e "$(probe_log "$1")" ] || die "there is no probe '$1'."
  python3 -I "$lab_dir/probe.py" report "$(probe_log "$1")" "${@:2}"
}
