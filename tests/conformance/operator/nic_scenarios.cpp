// SPDX-License-Identifier: Apache-2.0
#include "api/names.h"
#include "conformance/operator/scenarios.h"

namespace vnic::test {
namespace {

void setDesiredState(Cluster& cluster, const Guest& guest, const char* state) {
  cluster.patch<api::Vnic>(guest.vnic(), {{"spec", {{"desiredState", state}}}});
}

void awaitUnplugged(Cluster& cluster, const Guest& guest) {
  cluster.awaitThat(guest.name + " has no NIC and holds no VF", [&] {
    const auto domain = cluster.hosts().domain("host1", guest.uuid);
    if (!domain || domain->liveXml.find("<interface") != std::string::npos) return false;
    for (const auto& reservation : cluster.list<api::VfReservation>()) {
      if (reservation.spec.vmUUID == guest.uuid) return false;
    }
    return true;
  });
}

// The profile is for namespaces with a label, the Vnic takes its NIC along when it goes, and what
// happens twice is one event that is told twice.
void plugAndUnplug(Cluster& cluster) {
  const Guest guest = cluster.newGuest();
  VmShape bare = guest.shape();
  bare.nics.clear();
  cluster.hosts().addVm("host1", bare);
  cluster.addVnic(guest, "gold", "Detach");
  cluster.awaitSettled(guest, "host1");
  for (int i = 0; i < 2; ++i) {
    setDesiredState(cluster, guest, "Detached");
    awaitUnplugged(cluster, guest);
    setDesiredState(cluster, guest, "Attached");
    cluster.awaitSettled(guest, "host1");
  }
  cluster.remove<api::Vnic>(guest.vnic());
  cluster.awaitGone<api::Vnic>(guest.vnic());
  awaitUnplugged(cluster, guest);
}

// The VM is started anew from another definition: the same VF, at another place in the guest.
void adoptedAnew(Cluster& cluster) {
  Guest guest = cluster.addGuest("host1");
  guest.nic.guestAddress = "0000:05:00.0";
  cluster.hosts().addVm("host1", guest.shape());
  cluster.hosts().setState("host1", guest.uuid, hypervisor::DomainState::Running);
  const api::ObjectKey key{"", api::VfReservation::nameFor("host1", guest.nic.vf)};
  cluster.await<api::VfReservation>(key, "adopted anew", [&](const api::VfReservation& r) {
    return r.spec.device.guestAddress == guest.nic.guestAddress;
  });
  cluster.awaitSettled(guest, "host1");
}

// The VM keeps its VF, nobody holds it any more.
void sweep(Cluster& cluster) {
  const Guest guest = cluster.addGuest("host1");
  cluster.remove<api::Vnic>(guest.vnic());
  cluster.awaitGone<api::VfReservation>({"", api::VfReservation::nameFor("host1", guest.nic.vf)});
}

}  // namespace

std::vector<Scenario> nicScenarios() {
  return {{"a NIC is plugged and unplugged", plugAndUnplug},
          {"a NIC is adopted anew", adoptedAnew},
          {"a VF whose Vnic is gone", sweep}};
}

}  // namespace vnic::test
