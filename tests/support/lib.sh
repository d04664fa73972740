#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shell helpers shared by everything under tests/support. Sourced, never run.
# The caller has `set -euo pipefail`.

# Everything that can be made again lives in the cache; every run has a directory of its own under
# the run base. Neither is ever inside the source tree.
VNIC_CACHE=${VNIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vnic-operator}
VNIC_RUN=${VNIC_RUN:-/var/tmp/vnic-operator}
export VNIC_CACHE VNIC_RUN

# note TEXT...: one line of progress on stderr, with the seconds since this program began.
note() {
  printf '[%s %3ds] %s\n' "${VNIC_LOG_NAME:-setup}" "$SECONDS" "$*" >&2
}

# die TEXT...: one clear sentence, then the end.
die() {
  printf '%s: %s\n' "${VNIC_LOG_NAME:-setup}" "$*" >&2
  exit 1
}

require_root() {
  [ "$(id -u)" = 0 ] || die "this needs root (network namespaces, taps, packages): run it again with sudo."
}

require_debian12() {
  local id='' version=''
  if [ -r /etc/os-release ]; then
    id=$(sed -n 's/^ID=//p' /etc/os-release | tr -d '"')
    version=$(sed -n 's/^VERSION_ID=//p' /etc/os-release | tr -d '"')
  fi
  [ "$id $version" = 'debian 12' ] ||
    die "this needs Debian 12, and this machine says it is '${id:-unknown} ${version:-}': its packages are what everything is built from."
  [ "$(dpkg --print-architecture)" = amd64 ] ||
    die "this needs an amd64 machine, and this one is $(dpkg --print-architecture): the lab's SR-IOV card only exists there."
}

# require_disk DIR GIB: the file system that DIR is, or will be, on has that much room.
require_disk() {
  local dir=$1 want=$2 free
  while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
  free=$(($(stat -f -c '%a * %S' "$dir") / 1073741824))
  [ "$free" -ge "$want" ] ||
    die "$1 needs $want GiB of free disk, and only $free GiB are there: make room, or choose another place with VNIC_CACHE and VNIC_RUN."
}

# debian_mirror: where this machine has its packages from.
debian_mirror() {
  sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1
}

# require_memory MIB: so much memory is available now.
require_memory() {
  local want=$1 free
  free=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
  [ "$free" -ge "$want" ] ||
    die "this needs $want MiB of free memory, and only $free MiB are there: is another lab running ('lab list')?"
}

# wait_until SECONDS COMMAND...: repeats COMMAND (quietly) until it succeeds; 1 when it never did.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep "${WAIT_INTERVAL:-0.3}"
  done
}

# Processes are known by pid and start time, so that a pid that the kernel gave to somebody else in
# the meantime is never signalled.
process_start_time() {
  # Fields 3, 20 and 22 of stat; the command name before them may hold blanks and parentheses. A
  # zombie has ended already, only its parent has not asked yet; but one with threads left still has
  # its files and ports.
  sed -e 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" || $18 > 1 { print $20 }'
}

# process_start PIDFILE LOGFILE COMMAND...: starts COMMAND away from this terminal and session, so
# that Ctrl-C reaches it only through the script that cleans up, and away from our open files, so
# that it keeps nobody waiting at the other end of a pipe.
process_start() {
  local pidfile=$1 logfile=$2 pid
  shift 2
  (
    for descriptor in "/proc/$BASHPID"/fd/*; do
      descriptor=${descriptor##*/}
      case $descriptor in 0 | 1 | 2 | 255) ;; *) eval "exec $descriptor>&-" ;; esac
    done
    exec setsid "$@"
  ) >"$logfile" 2>&1 </dev/null &
  pid=$!
  disown "$pid"
  process_record "$pidfile" "$pid"
}

# process_record PIDFILE PID: remembers a process that something else started.
process_record() {
  printf '%s %s\n' "$2" "$(process_start_time "$2")" >"$1"
}

# process_niceness PIDFILE NICENESS: before or behind the rest of the machine. Where the kernel shares
# time between sessions first (autogroup), the session's niceness is the one that counts.
process_niceness() {
  local pid
  pid=$(process_pid "$1") || return 0
  renice -n "$2" -p "$pid" >/dev/null 2>&1 || true
  { echo "$2" >"/proc/$pid/autogroup"; } 2>/dev/null || true
}

process_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$1" || return 1
  [ -n "$started" ] && [ "$(process_start_time "$pid")" = "$started" ] && printf '%s\n' "$pid"
}

process_alive() {
  process_pid "$1" >/dev/null
}

# process_stop PIDFILE [SECONDS]: TERM, then KILL after SECONDS (default 5). Nothing there is fine.
process_stop() {
  local pid
  if pid=$(process_pid "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    WAIT_INTERVAL=0.1 wait_until "${2:-5}" process_gone "$1" || kill -KILL "$pid" 2>/dev/null || true
    WAIT_INTERVAL=0.1 wait_until 5 process_gone "$1" || note "process $pid ($1) does not end"
  fi
  rm -f "$1"
}

process_gone() {
  ! process_alive "$1"
}

# run_child COMMAND...: like COMMAND, but this script acts on a signal at once instead of after
# COMMAND. Its EXIT trap has to call end_child, which gives COMMAND a SIGTERM and the time to clean up.
child=''
run_child() {
  local status=0
  "$@" &
  child=$!
  wait "$child" || status=$?
  child=''
  return "$status"
}

end_child() {
  [ -n "$child" ] || return 0
  kill -TERM "$child" 2>/dev/null || true
  wait "$child" 2>/dev/null || true
  child=''
}
