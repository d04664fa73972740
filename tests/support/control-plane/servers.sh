# shellcheck shell=bash
# shellcheck disable=SC2154  # dir, address, ports, controller_manager, apiserver_flags: set by control-plane
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by control-plane: how etcd, kube-apiserver and kube-controller-manager are started, and
# when they are ready.

etcd_ready() { in_network curl -sf -m 2 -o /dev/null "http://127.0.0.1:$etcd_port/health"; }

# api PATH: GET as admin; the token does not show up in the list of processes.
api() {
  in_network curl -sf -m 5 --noproxy '*' --cacert "$dir/ca.crt" -H "@$dir/admin.header" \
    "https://$address:$apiserver_port$1"
}

# Ready is more than /readyz: objects need the namespace `default`, which the server makes a little
# later.
apiserver_ready() { api /readyz >/dev/null && api /api/v1/namespaces/default >/dev/null; }

start_etcd() {
  local client=http://127.0.0.1:$etcd_port peer=http://127.0.0.1:$peer_port
  start etcd etcd --name test --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "test=$peer"
  wait_ready 60 etcd etcd_ready
}

start_apiserver() {
  local options=(
    --etcd-servers "http://127.0.0.1:$etcd_port"
    --bind-address "$address" --secure-port "$apiserver_port"
    --tls-cert-file "$dir/apiserver.crt" --tls-private-key-file "$dir/apiserver.key"
    --service-account-issuer https://kubernetes.default.svc
    --service-account-key-file "$dir/service-account.pub"
    --service-account-signing-key-file "$dir/service-account.key"
    --token-auth-file "$dir/tokens.csv" --authorization-mode RBAC
    --service-cluster-ip-range 10.0.0.0/24 --profiling=false)
  # Nobody would make service accounts without the controller manager.
  [[ -n $controller_manager ]] || options+=(--disable-admission-plugins ServiceAccount)
  start kube-apiserver kube-apiserver "${options[@]}" "${apiserver_flags[@]}"
}

start_controller_manager() {
  # Only what the tests and demos rely on: garbage collection, namespace deletion, service accounts,
  # aggregated roles.
  local controllers=(
    clusterrole-aggregation-controller
    garbage-collector-controller
    namespace-controller
    root-ca-certificate-publisher-controller
    serviceaccount-controller
    serviceaccount-token-controller)
  local list
  list=$(IFS=, && printf '%s' "${controllers[*]}")
  start kube-controller-manager kube-controller-manager \
    --kubeconfig "$dir/controller-manager.kubeconfig" --secure-port 0 \
    --controllers "$list" --leader-elect=false --use-service-account-credentials \
    --service-account-private-key-file "$dir/service-account.key" --root-ca-file "$dir/ca.crt"
}
