# shellcheck shell=bash
# shellcheck disable=SC2154  # dir, address, apiserver_port: set by control-plane
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by control-plane: what one control plane trusts, made anew for every run: a certificate
# authority, the API server's certificate, the key of service account tokens, random user tokens and
# a kubeconfig per user. All of it in `dir`.

readonly operator_user=system:serviceaccount:vnic-operator-system:vnic-operator
readonly operator_groups=system:serviceaccounts,system:serviceaccounts:vnic-operator-system

make_certificates() {
  local san="IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc"
  [[ $address == 127.0.0.1 ]] || san+=",IP:$address"
  local curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  {
    openssl req -x509 "${curve[@]}" -days 30 -subj /CN=control-plane-ca \
      -keyout "$dir/ca.key" -out "$dir/ca.crt"
    openssl req "${curve[@]}" -subj /CN=kube-apiserver \
      -keyout "$dir/apiserver.key" -out "$dir/apiserver.csr"
    openssl x509 -req -in "$dir/apiserver.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" \
      -CAcreateserial -days 30 -out "$dir/apiserver.crt" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$san")
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/service-account.key"
    openssl ec -in "$dir/service-account.key" -pubout -out "$dir/service-account.pub"
  } 2>"$dir/logs/openssl.log" ||
    die "openssl cannot make the certificates, see $dir/logs/openssl.log"
}

# make_user NAME USER GROUPS: a random token for USER, known to the API server, and NAME.kubeconfig
# that reads it from a file.
make_user() {
  local token
  token=$(openssl rand -hex 24)
  printf '%s' "$token" >"$dir/$1.token"
  printf '%s,%s,%s,"%s"\n' "$token" "$2" "$1" "$3" >>"$dir/tokens.csv"
  cat >"$dir/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: https://$address:$apiserver_port
    certificate-authority-data: $(base64 -w0 "$dir/ca.crt")
users:
- name: $1
  user:
    tokenFile: $dir/$1.token
contexts:
- name: test
  context:
    cluster: test
    user: $1
    namespace: default
current-context: test
YAML
}

make_credentials() {
  local umask_before
  umask_before=$(umask)
  umask 077
  make_certificates
  : >"$dir/tokens.csv"
  make_user admin admin system:masters
  # For curl: in a file, so that no token shows up in the list of processes.
  printf 'Authorization: Bearer %s\n' "$(cat "$dir/admin.token")" >"$dir/admin.header"
  make_user controller-manager system:kube-controller-manager ""
  # Exactly the user that the operator's pod is in a cluster: it may do what deploy/base/rbac
  # grants, and nothing else.
  make_user operator "$operator_user" "$operator_groups"
  # The node agents of the lab's hosts, which are no Nodes.
  local host
  for host in host1 host2; do
    make_user "agent-$host" "vnic.dev:agent:$host" vnic.dev:agents
  done
  umask "$umask_before"
}
