# SPDX-License-Identifier: Apache-2.0
# Certificates of one run: a CA, one certificate per host, client certificates. Sourced by lab.
# shellcheck shell=bash disable=SC2154 # run_id, run_dir, lab_dir are lab's

readonly PKI_DAYS=30

# pki_ca DIR: ca.pem and ca.key in DIR.
pki_ca() {
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$PKI_DAYS" \
    -subj "/CN=vnic-operator lab CA" -keyout "$1/ca.key" -out "$1/ca.pem" \
    -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
}

# pki_issue CA_DIR NAME CERT KEY USAGES [SUBJECT_ALT_NAMES]
# libvirt refuses certificates without keyEncipherment, even where the key cannot do that.
pki_issue() {
  local ca=$1 name=$2 cert=$3 key=$4 usages=$5 names=${6:-} request
  request=$(mktemp)
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$key" -out "$request" 2>/dev/null
  openssl x509 -req -in "$request" -CA "$ca/ca.pem" -CAkey "$ca/ca.key" -days "$PKI_DAYS" \
    -set_serial "0x$(openssl rand -hex 12)" -out "$cert" -extfile <(
      printf 'basicConstraints=critical,CA:FALSE\n'
      printf 'keyUsage=critical,digitalSignature,keyEncipherment\n'
      printf 'extendedKeyUsage=%s\n' "$usages"
      [ -z "$names" ] || printf 'subjectAltName=%s\n' "$names"
    ) 2>/dev/null
  rm -f "$request"
  chmod 600 "$key"
}

# pki_client CA_DIR DIR NAME: a client certificate in DIR, named as libvirt's pkipath wants it.
pki_client() {
  mkdir -p "$2"
  cp "$1/ca.pem" "$2/cacert.pem"
  pki_issue "$1" "$3" "$2/clientcert.pem" "$2/clientkey.pem" clientAuth
}

# pki_host CA_DIR ROOT HOST: the certificates of HOST below ROOT, where libvirt and QEMU look for
# them. A host is server and, for peer-to-peer migration, client; its one certificate says both.
# Tests reach it through relays on the loopback as well.
pki_host() {
  local ca=$1 root=$2 host=$3 dir name
  mkdir -p "$root"/etc/pki/{CA,libvirt/private,qemu}
  cp "$ca/ca.pem" "$root/etc/pki/CA/cacert.pem"
  pki_issue "$ca" "$host" "$root/etc/pki/libvirt/servercert.pem" \
    "$root/etc/pki/libvirt/private/serverkey.pem" serverAuth,clientAuth \
    "DNS:$host,IP:$(host_address "$host"),IP:127.0.0.1"
  dir=$root/etc/pki/libvirt
  cp "$dir/servercert.pem" "$dir/clientcert.pem"
  cp "$dir/private/serverkey.pem" "$dir/private/clientkey.pem"
  cp "$ca/ca.pem" "$root/etc/pki/qemu/ca-cert.pem"
  for name in server client; do
    cp "$dir/servercert.pem" "$root/etc/pki/qemu/$name-cert.pem"
    cp "$dir/private/serverkey.pem" "$root/etc/pki/qemu/$name-key.pem"
  done
}
