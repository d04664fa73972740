# SPDX-License-Identifier: Apache-2.0
# The operator's process in a stack. Sourced by stack.
# shellcheck shell=bash disable=SC2154 # stack_dir is stack's

# operator_choose_addresses: a lab that is used by more than one stack has taken ports.
operator_choose_addresses() {
  local port=8080 name
  for name in metrics health; do
    while ip netns exec "$(stack_namespace)" ss -Hltn "sport = $port" | grep -q .; do port=$((port + 1)); done
    printf '%s 127.0.0.1:%s\n' "$name" "$port"
    port=$((port + 1))
  done >"$stack_dir/operator.addresses"
}

# operator_address health|metrics
operator_address() { awk -v name="$1" '$1 == name { print $2 }' "$stack_dir/operator.addresses"; }

# operator_start [OPTION...]: without options those of the last start.
operator_start() {
  local words
  ! process_alive "$stack_dir/operator.pid" || die "the operator is running already."
  mapfile -t words <"$stack_dir/operator.command"
  if [ $# -gt 0 ]; then
    words=("${words[0]}" "$@")
    printf '%s\n' "${words[@]}" >"$stack_dir/operator.command"
  fi
  # One log over all starts.
  # shellcheck disable=SC2016 # the inner shell expands these
  process_start "$stack_dir/operator.pid" /dev/null \
    bash -c 'log=$1; shift; exec "$@" >>"$log" 2>&1' operator "$stack_dir/operator.log" \
    env -u KUBECONFIG ip netns exec "$(stack_namespace)" "${words[0]}" \
    --kubeconfig "$stack_dir/control-plane/operator.kubeconfig" \
    --libvirt-pki-path "$VNIC_RUN/$stack_id/pki/client" --log-format text \
    --health-bind-address "$(operator_address health)" \
    --metrics-bind-address "$(operator_address metrics)" "${words[@]:1}"
  wait_until 60 operator_ready_or_ended || true
  operator_ready || {
    operator_last_words
    if process_alive "$stack_dir/operator.pid"; then
      die "the operator is not ready after 60 seconds: $(operator_readyz || true)"
    fi
    die "the operator ended at once; the end of its log is above."
  }
  note "the operator is ready"
}

operator_readyz() {
  ip netns exec "$(stack_namespace)" curl -s -m 2 "$@" "http://$(operator_address health)/readyz"
}

operator_ready() { operator_readyz -f >/dev/null; }
operator_ready_or_ended() { operator_ready || ! process_alive "$stack_dir/operator.pid"; }

operator_last_words() { tail -n 20 "$stack_dir/operator.log" >&2 || true; }

operator_status() {
  local pid
  if pid=$(process_pid "$stack_dir/operator.pid"); then
    echo "running, pid $pid"
  else
    echo "not running"
    return 1
  fi
}

# operator_stop: SIGTERM has to be enough.
operator_stop() {
  local pid
  pid=$(process_pid "$stack_dir/operator.pid") || return 0
  kill -TERM "$pid"
  if ! WAIT_INTERVAL=0.1 wait_until 60 process_gone "$stack_dir/operator.pid"; then
    operator_last_words
    die "the operator (pid $pid) does not end within 60 seconds of SIGTERM."
  fi
}

operator_kill() {
  local pid
  pid=$(process_pid "$stack_dir/operator.pid") || die "the operator is not running."
  kill -KILL "$pid"
  WAIT_INTERVAL=0.05 wait_until 10 process_gone "$stack_dir/operator.pid" || die "process $pid does not end."
}

operator_command() {
  local command=$1
  shift
  [ "${1:-}" != -- ] || shift
  case $command in
  start) operator_start "$@" ;;
  stop) operator_stop ;;
  kill) operator_kill ;;
  restart) operator_stop && operator_start "$@" ;;
  status) operator_status ;;
  log) if [ "${1:-}" = -f ]; then exec tail -n +1 -f "$stack_dir/operator.log"; else cat "$stack_dir/operator.log"; fi ;;
  *) die "operator has start, stop, kill, restart, status and log." ;;
  esac
}
