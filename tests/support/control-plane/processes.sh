# shellcheck shell=bash
# shellcheck disable=SC2154  # dir, netns, registry: set by control-plane
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by control-plane: the processes of one control plane, each with a pid file and a log in
# its state folder `dir`, and the free ports that they listen on.

# in_network COMMAND...: runs it where the control plane listens: in the network namespace `netns`,
# or here if that is empty.
in_network() {
  if [[ -n $netns ]]; then
    ip netns exec "$netns" "$@"
  else
    "$@"
  fi
}

# check_surroundings: one sentence about what would make `up` fail.
check_surroundings() {
  local command
  for command in curl openssl ss; do
    [[ -n $(command -v $command) ]] || die "needs the command $command"
  done
  if [[ -n $netns ]]; then
    [[ $EUID -eq 0 ]] || die "--netns needs root"
    [[ -e /run/netns/$netns ]] || die "there is no network namespace $netns"
    [[ -n $(ip -n "$netns" link show dev lo up) ]] ||
      die "the loopback of network namespace $netns is down"
  fi
  if [[ -n $address && -z $(in_network ip -o address show to "$address") ]]; then
    die "no network device has the address $address"
  fi
}

# start NAME COMMAND...: in the background, in a session of its own (a Ctrl-C reaches only the
# script) and without the caller's open files (a lock or a pipe of the caller must not live as long
# as the process).
start() {
  local name=$1 command=("${@:2}")
  [[ -z $netns ]] || command=(ip netns exec "$netns" "${command[@]}")
  (
    exec >>"$dir/logs/$name.log" 2>&1 </dev/null
    for file in "/proc/$BASHPID/fd"/*; do
      file=${file##*/}
      if ((file > 2)); then exec {file}>&-; fi
    done
    exec setsid "${command[@]}"
  ) &
  disown $!
  process_record "$dir/pids/$name" $!
}

pid_of() { process_pid "$dir/pids/$1" || true; }

# stop NAME: at once. Nothing that these processes hold has to outlive them, and a polite stop of
# kube-apiserver takes long.
stop() {
  local pid
  pid=$(pid_of "$1")
  if [[ -n $pid ]]; then
    kill -KILL "$pid" 2>/dev/null || true
    WAIT_INTERVAL=0.02 wait_until 10 process_gone "$dir/pids/$1" ||
      die "process $pid ($1) does not end"
  fi
  rm -f "$dir/pids/$1"
}

# wait_ready SECONDS NAME COMMAND...: until COMMAND succeeds; fails at once when process NAME ends,
# and after SECONDS.
wait_ready() {
  local deadline=$((SECONDS + $1)) name=$2
  shift 2
  until "$@"; do
    process_alive "$dir/pids/$name" || process_failed "$name" "ended"
    ((SECONDS < deadline)) || process_failed "$name" "is not ready in time"
    sleep 0.1
  done
}

# process_failed NAME WHAT: one sentence with the reason where the log has a known one, else the
# log's end.
process_failed() {
  local log=$dir/logs/$1.log
  if grep -q 'address already in use' "$log"; then
    die "$1 $2: a port that it needs was taken by another process meanwhile; run the command again"
  fi
  if grep -q 'no space left on device' "$log"; then
    die "$1 $2: no space left on the disk of $dir"
  fi
  tail -n 8 "$log" >&2
  die "$1 $2; the end of its log is above"
}

# choose_ports COUNT: prints free ports below the range that the kernel gives to outgoing
# connections. The caller holds the registry's lock and writes them to the state folder before
# giving it up, so that two runs never choose the same.
choose_ports() {
  local taken
  taken=" $(in_network ss -Hltn | awk '{ sub(/.*:/, "", $4); printf "%s ", $4 }')"
  taken+=" $(cat "$registry"/*/ports 2>/dev/null | tr '\n' ' ')"
  local chosen=0 tries=0 port
  while ((chosen < $1)); do
    ((++tries < 1000)) || die "there is no free port between 20000 and 32000"
    port=$((20000 + RANDOM % 12000))
    [[ $taken != *" $port "* ]] || continue
    taken+=" $port "
    printf '%s\n' "$port"
    chosen=$((chosen + 1))
  done
}
