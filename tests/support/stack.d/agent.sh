# SPDX-License-Identifier: Apache-2.0
# The node agents of a stack, as systemd services of the lab's hosts. Sourced by stack.
# shellcheck shell=bash disable=SC2154 # tree, lab, stack_dir, control_plane are stack's

agent_binary() { realpath "${VNIC_AGENT_BINARY:-$tree/build/controller/agent/vnic-agent}"; }

# agent_libraries BINARY: those that a host of another Debian may lack. The C library and what comes
# with the compiler are there, newer than what the binary asks for.
agent_libraries() {
  ldd "$1" | awk '$2 == "=>" { print $3 }' |
    grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libstdc\+\+|libgcc_s)\.so'
}

# agent_install HOST: binary, unit and kubeconfig; and what no real host needs, the libraries of the
# machine that built it.
agent_install() {
  local host=$1 binary root
  binary=$(agent_binary)
  [ -x "$binary" ] || die "there is no agent at $binary: build it with 'make build', or name it with VNIC_AGENT_BINARY."
  root=$stack_dir/agent/$host
  rm -rf "$root"
  mkdir -p "$root"/{usr/local/bin,usr/local/lib/vnic-agent,etc/vnic-agent,etc/systemd/system/vnic-agent.service.d}
  strip -o "$root/usr/local/bin/vnic-agent" "$binary"
  agent_libraries "$binary" | xargs cp -Lt "$root/usr/local/lib/vnic-agent"
  cp "$tree/deploy/agent/vnic-agent.service" "$root/etc/systemd/system/"
  printf '[Service]\nEnvironment=LD_LIBRARY_PATH=/usr/local/lib/vnic-agent VNIC_AGENT_LOG_FORMAT=text VNIC_AGENT_LOG_LEVEL=debug\n' \
    >"$root/etc/systemd/system/vnic-agent.service.d/lab.conf"
  cp "$stack_dir/control-plane/agent-$host.token" "$root/etc/vnic-agent/token"
  sed 's#tokenFile: .*#tokenFile: /etc/vnic-agent/token#' "$stack_dir/control-plane/agent-$host.kubeconfig" \
    >"$root/etc/vnic-agent/kubeconfig"
  tar -C "$root" --owner=0 --group=0 -czf "$root.tar.gz" usr etc
  "$lab" ssh "$host" 'tar -C / -xzf - && systemctl daemon-reload' <"$root.tar.gz"
}

# agent_start HOST: until it has said that it is alive.
agent_start() {
  [ -e "$stack_dir/agent/$1.tar.gz" ] || agent_install "$1"
  "$lab" ssh "$1" systemctl start vnic-agent
  wait_until 60 agent_alive "$1" ||
    die "the agent of $1 does not say that it is alive: $("$lab" ssh "$1" journalctl -u vnic-agent --no-pager -n 20)"
  note "the agent of $1 is at work"
}

# Started now, and its Lease renewed since.
agent_alive() {
  local since renewed
  # shellcheck disable=SC2016 # the host expands it
  since=$("$lab" ssh "$1" 'date -u -d "$(systemctl show -p ActiveEnterTimestamp --value vnic-agent)" +%Y-%m-%dT%H:%M:%S')
  renewed=$(kubectl get lease "vnic-agent-$1" -n vnic-operator-system -o 'jsonpath={.spec.renewTime}')
  [[ $renewed > $since ]]
}

# The unit starts it again after a crash; not while this is there.
readonly agent_no_restart='mkdir -p /run/systemd/system/vnic-agent.service.d &&
  printf "[Service]\nRestart=no\n" >/run/systemd/system/vnic-agent.service.d/dead.conf && systemctl daemon-reload'
readonly agent_restart='rm /run/systemd/system/vnic-agent.service.d/dead.conf && systemctl daemon-reload'

agent_command() {
  local command=$1 host=$2
  case $command in
  install) agent_install "$host" ;;
  start) agent_start "$host" ;;
  stop) "$lab" ssh "$host" systemctl stop vnic-agent ;;
  kill) "$lab" ssh "$host" "$agent_no_restart; systemctl kill -s KILL vnic-agent" ;;
  resume) "$lab" ssh "$host" "$agent_restart" && agent_start "$host" ;;
  status) "$lab" ssh "$host" systemctl is-active vnic-agent ;;
  log) "$lab" ssh "$host" journalctl -u vnic-agent --no-pager -o cat ;;
  *) die "agent has install, start, stop, kill, resume, status and log." ;;
  esac
}
