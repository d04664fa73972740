# SPDX-License-Identifier: Apache-2.0
# A stack's beginning and end. Sourced by stack.
# shellcheck shell=bash disable=SC2154 # support, lab, control_plane, stacks are stack's
#
# A stack's folder:
#   up, owner, watcher    processes: the one that starts it, the one that it is for, the one that
#                         ends it when its owner has ended
#   lab-is-ours           the lab was started with it, and ends with it
#   control-plane/        the state of the control plane
#   operator.pid, operator.log, operator.command, operator.addresses

# stack_name ID: sets stack_id, stack_dir and, for the lab's commands, LAB_RUN.
stack_name() {
  stack_id=$1
  stack_dir=$stacks/$stack_id
  export LAB_RUN=$stack_id
}

# stack_chosen: the ID that the caller means; nothing when no stack is there.
stack_chosen() {
  local id=${VNIC_STACK:-${LAB_RUN:-}}
  [ -n "$id" ] || id=$(readlink "$stacks/current") || true
  printf '%s' "$id"
}

stack_select() {
  stack_name "$(stack_chosen)"
  [ -n "$stack_id" ] || die "no stack is up: start one with 'stack up'."
  [ -d "$stack_dir" ] || die "there is no stack '$stack_id' ('stack list' shows those that there are)."
}

stack_ids() { find "$stacks" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | sort; }

stack_namespace() { printf 'vnic-%s\n' "$stack_id"; }

# stack_check: what would make `up` fail, before anybody builds for minutes. A stack that is up already
# has what it needs.
stack_check() {
  require_root
  require_debian12
  require_disk "$VNIC_CACHE" 6
  [ -d "$stacks/${VNIC_STACK:-${LAB_RUN:-none}}" ] || "$lab" check
}

stack_up() {
  local binary=${VNIC_OPERATOR_BINARY:-$tree/build/controller/app/vnic-operator} owner=${VNIC_STACK_OWNER:-}
  local operator_options=()
  while [ $# -gt 0 ]; do
    case $1 in
    --operator) need 2 "$@" && binary=$2 && shift 2 ;;
    --owner) need 2 "$@" && owner=$2 && shift 2 ;;
    --) operator_options=("${@:2}") && break ;;
    *) die "up does not know '$1'." ;;
    esac
  done
  require_root
  [ -x "$binary" ] || die "there is no operator at $binary: build it with 'make build', or name it with --operator."
  binary=$(realpath "$binary")

  stack_forget_ended
  stack_create "${VNIC_STACK:-${LAB_RUN:-$(openssl rand -hex 3)}}"
  trap stack_undo EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  [ -z "$owner" ] || stack_watch "$owner"

  if [ "$(lab_status)" != up ]; then
    touch "$stack_dir/lab-is-ours"
    run_child "$lab" up ${owner:+--owner "$owner"}
  fi
  run_child "$control_plane" up --dir "$stack_dir/control-plane" --netns "$(stack_namespace)" --address 10.77.0.1
  run_child "$control_plane" install --dir "$stack_dir/control-plane"
  kubectl apply -f "$support/stack.d/hosts.yaml" -f "$support/stack.d/profiles.yaml" >/dev/null
  printf '%s\n' "$binary" "${operator_options[@]}" >"$stack_dir/operator.command"
  operator_choose_addresses
  run_child operator_start
  note "waiting for the operator to see both hosts"
  run_child kubectl wait --for=condition=Ready vmhost/host1 vmhost/host2 --timeout=120s >/dev/null || {
    kubectl get vmhosts -o yaml | sed -n '/conditions:/,/type:/p' >&2
    operator_last_words
    die "the operator does not call both hosts ready."
  }
  ln -sfn "$stack_id" "$stacks/current"
  rm "$stack_dir/up"
  trap - EXIT INT TERM HUP
  note "stack $stack_id is up; look around with: $support/stack kubectl get vnic-operator -A"
}

lab_status() { "$lab" list 2>/dev/null | awk -v id="$stack_id" '$1 == id { print $2 }'; }

stack_create() {
  mkdir -p "$stacks"
  stack_name "$1"
  mkdir "$stack_dir" 2>/dev/null ||
    die "there is a stack '$stack_id' already: end it with 'VNIC_STACK=$stack_id $support/stack down'."
  chmod 700 "$stack_dir"
  process_record "$stack_dir/up" $$
}

stack_undo() {
  # The signal may come while some command's messages are turned off.
  exec 2>&"$messages"
  trap '' INT TERM HUP
  end_child
  rm -f "$stack_dir/up"
  stack_end
}
exec {messages}>&2

# stack_watch PID: what ends the stack when PID has ended, even by SIGKILL.
stack_watch() {
  process_record "$stack_dir/owner" "$1"
  process_start "$stack_dir/watcher" "$stack_dir/watcher.log" "$support/stack" await-end "$stack_id" "$1"
}

stack_await_end() {
  stack_name "$1"
  tail --pid="$2" -s 1 -f /dev/null
  if process_alive "$stack_dir/up"; then
    # It ends what it has started itself.
    process_stop "$stack_dir/up" 60
  fi
  stack_end
}

# stack_down: nothing there is fine. With VNIC_STACK_LOGS the logs are kept there.
stack_down() {
  require_root
  stack_name "$(stack_chosen)"
  [ -n "$stack_id" ] || { note "no stack is up" && return; }
  if process_alive "$stack_dir/up"; then process_stop "$stack_dir/up" 60; fi
  if [ -n "${VNIC_STACK_LOGS:-}" ] && [ -d "$stack_dir" ]; then (stack_logs "$VNIC_STACK_LOGS") || true; fi
  stack_end
}

# stack_end: one at a time; the second finds nothing left to do.
stack_end() {
  [ -d "$stack_dir" ] || return 0
  local lock lab_is_ours=''
  exec {lock}>"$stacks/.$stack_id.lock"
  flock "$lock"
  if [ -d "$stack_dir" ]; then
    [ "$(process_pid "$stack_dir/watcher" || true)" = $$ ] || process_stop "$stack_dir/watcher" 2
    process_stop "$stack_dir/operator.pid" 5
    "$control_plane" down --dir "$stack_dir/control-plane" || true
    [ ! -e "$stack_dir/lab-is-ours" ] || lab_is_ours=yes
    # A lab that has not come up has removed itself.
    if [ -n "$lab_is_ours" ] && [ -n "$(lab_status)" ]; then "$lab" down "$stack_id"; fi
    rm -rf "$stack_dir"
    [ "$(readlink "$stacks/current" || true)" != "$stack_id" ] || rm "$stacks/current"
  fi
  rm -f "$stacks/.$stack_id.lock"
  exec {lock}>&-
}

# stack_forget_ended: folders of stacks whose lab was ended under them ('lab down') hold only files.
stack_forget_ended() {
  local id runs
  runs=$("$lab" list)
  for id in $(stack_ids); do
    if ! grep -q "^$id " <<<"$runs" && ! process_alive "$stacks/$id/up"; then
      (stack_name "$id" && stack_end)
    fi
  done
}

stack_list() {
  local id found=''
  require_root
  for id in $(stack_ids); do
    found=yes
    stack_name "$id"
    printf '%-12s lab %s, operator %s\n' "$id" "$(lab_status)" "$(operator_status || true)"
  done
  [ -n "$found" ] || echo "no stack is there"
}

# stack_with COMMAND...: COMMAND is a process group of its own, so that all that it has started ends
# with it. The watcher of the stack ends the stack also if this script is killed.
stack_with() {
  export VNIC_STACK=${VNIC_STACK:-$(openssl rand -hex 3)} VNIC_STACK_OWNER=$$
  trap stack_with_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  set -m
  # Reading the terminal would stop it.
  run_child "$@" </dev/null
}

stack_with_end() {
  local status=$?
  trap '' INT TERM HUP
  if [ -n "$child" ]; then
    kill -TERM -- "-$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  [ ! -d "$stacks/$VNIC_STACK" ] || stack_down
  exit "$status"
}
