# SPDX-License-Identifier: Apache-2.0
# Guests of the lab as objects of the API. Sourced by stack.
# shellcheck shell=bash disable=SC2154 # stack_id is stack's

# guest_describe GUEST [NAMESPACE]: the lab's NIC templates and the profiles in profiles.yaml belong
# together: failover -> COLOR, vf and bond -> COLOR-plain, virtio -> COLOR-standby.
guest_describe() {
  local guest=$1 namespace=${2:-} facts=$VNIC_RUN/$stack_id/guests/$1
  [ -e "$facts.env" ] || die "the lab has no guest '$guest' ('lab guests' shows those that there are)."
  [ -n "$namespace" ] || namespace=$(sed -n 's/.*<vnic:vm .*namespace="\([^"]*\)".*/\1/p' "$facts.xml")
  guest_vnics "$guest" "$namespace" <"$facts.env" | kubectl apply -f - >&2
}

guest_vnics() {
  local template color mac profile
  while read -r template color mac _; do
    case $template in
    failover) profile=$color ;;
    vf | bond) profile=$color-plain ;;
    virtio) profile=$color-standby ;;
    *) die "the lab's NIC template '$template' has no profile here." ;;
    esac
    cat <<END
---
apiVersion: vnic.dev/v1alpha1
kind: Vnic
metadata:
  name: $1-$color
  namespace: $2
spec:
  vmName: $1
  profile:
    name: $profile
  macAddress: "$mac"
END
  done
}
