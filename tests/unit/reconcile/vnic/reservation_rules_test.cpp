// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/reservation_rules.h"

#include <gtest/gtest.h>

namespace vnic::reconcile::vnic {
namespace {

constexpr char kVf[] = "0000:01:10.0";
constexpr char kOther[] = "0000:01:10.2";
constexpr char kMac[] = "52:54:00:00:00:01";

// A VM that runs with the reserved VF, in use by its Vnic.
struct World {
  api::VfReservation reservation;
  std::shared_ptr<api::VmHost> host = std::make_shared<api::VmHost>();
  std::shared_ptr<vm_host::HostFacts> facts = std::make_shared<vm_host::HostFacts>();
  std::shared_ptr<api::Vnic> holder = std::make_shared<api::Vnic>();
  Movement movement = Movement::None;

  World() {
    reservation.spec.hostName = "host1";
    reservation.spec.address = kVf;
    reservation.spec.vmUUID = "u1";
    reservation.spec.device.macAddress = kMac;
    facts->known = true;
    facts->domains.resize(1);
    facts->domains[0].summary.uuid = "u1";
    vmRuns(kVf);
  }
  domain::ParsedDomain& vm() { return facts->domains[0]; }
  static domain::DomainDescription with(const char* vf) {
    domain::DomainDescription description;
    if (*vf == 0) return description;
    description.hostdevs.resize(1);
    description.hostdevs[0].mac = kMac;
    description.hostdevs[0].source = *PciAddress::parse(vf);
    return description;
  }
  void vmRuns(const char* vf) {
    vm().summary.state = hypervisor::DomainState::Running;
    vm().live = with(vf);
  }
  void vmIsOff(const char* definedVf) {
    vm().summary.state = hypervisor::DomainState::ShutOff;
    vm().live.reset();
    vm().persistent = with(definedVf);
  }
  void vmIsElsewhere() { facts->domains.clear(); }
  void purpose(const char* purpose) { reservation.spec.purpose = purpose; }
};

struct Case {
  const char* name;
  void (*arrange)(World&);
  Fate fate;
};

class ReservationRules : public testing::TestWithParam<Case> {};

TEST_P(ReservationRules, Judge) {
  World w;
  GetParam().arrange(w);
  const auto judgement = judge({w.reservation, w.host, w.facts, w.holder, w.movement});
  EXPECT_EQ(judgement.fate, GetParam().fate) << judgement.why;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ReservationRules,
    testing::Values(
        Case{"InUseByItsVm", [](World&) {}, Fate::Keep},
        Case{"VfMissingInTheRunningVm", [](World& w) { w.vmRuns(""); }, Fate::Keep},
        Case{"VmHasAnotherVf", [](World& w) { w.vmRuns(kOther); }, Fate::Release},
        Case{"VmIsElsewhere", [](World& w) { w.vmIsElsewhere(); }, Fate::Release},
        Case{"VmIsOffAndItsDefinitionNamesTheVf", [](World& w) { w.vmIsOff(kVf); }, Fate::Keep},
        Case{"VmIsOffAndItsDefinitionNamesAnother", [](World& w) { w.vmIsOff(kOther); },
             Fate::Release},
        Case{"DetachedByWish",
             [](World& w) {
               w.vmRuns("");
               w.holder->spec.desiredState = "Detached";
             },
             Fate::Release},
        Case{"DetachWantedButNotDone", [](World& w) { w.holder->spec.desiredState = "Detached"; },
             Fate::Keep},
        Case{"HolderIsGone", [](World& w) { w.holder.reset(); }, Fate::Delete},
        Case{"HolderIsGoneButAMoveIsUnderway",
             [](World& w) {
               w.holder.reset();
               w.movement = Movement::Underway;
             },
             Fate::Keep},
        Case{"ReturnWhileTheMoveIsUnderway",
             [](World& w) {
               w.purpose("Return");
               w.vmIsElsewhere();
               w.movement = Movement::Underway;
             },
             Fate::Keep},
        Case{"ReturnAfterTheMove",
             [](World& w) {
               w.purpose("Return");
               w.vmIsElsewhere();
               w.movement = Movement::Over;
             },
             Fate::Release},
        Case{"TargetAfterAMoveThatDidNotComeHere",
             [](World& w) {
               w.purpose("Target");
               w.vmIsElsewhere();
               w.movement = Movement::Over;
             },
             Fate::Release},
        Case{"TargetAfterTheMoveWithTheVfStillMissing",
             [](World& w) {
               w.purpose("Target");
               w.vmRuns("");
               w.movement = Movement::Over;
             },
             Fate::Keep},
        Case{"ReleasingWithTheVfFree",
             [](World& w) {
               w.purpose("Releasing");
               w.vmIsElsewhere();
             },
             Fate::Delete},
        Case{"ReleasingDuringTheMoveThatSaidSo",
             [](World& w) {
               w.purpose("Releasing");
               w.vmIsElsewhere();
               w.movement = Movement::Underway;
             },
             Fate::Delete},
        Case{"ReleasingWithTheVfInAVm", [](World& w) { w.purpose("Releasing"); }, Fate::Keep},
        Case{"DeletedByAPersonWhileInUse",
             [](World& w) { w.reservation.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"; },
             Fate::Keep},
        Case{"DeletedByAPersonAndFree",
             [](World& w) {
               w.reservation.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
               w.vmRuns("");
             },
             Fate::Delete},
        Case{"HostIsAway",
             [](World& w) {
               w.vmIsElsewhere();
               w.facts->error = Error::transient("no route");
             },
             Fate::Keep},
        Case{"HostIsAwayAndReleasing",
             [](World& w) {
               w.purpose("Releasing");
               w.vmIsElsewhere();
               w.facts->error = Error::transient("no route");
             },
             Fate::Keep},
        Case{"HostIsAwayAndTheHolderIsGone",
             [](World& w) {
               w.holder.reset();
               w.facts->error = Error::transient("no route");
             },
             Fate::Keep},
        Case{"HostWasNeverRead", [](World& w) { w.facts.reset(); }, Fate::Keep},
        Case{"HostIsOutOfService",
             [](World& w) {
               w.host->spec.availability = "OutOfService";
               w.facts->error = Error::transient("no route");
             },
             Fate::Delete},
        Case{"HostObjectIsGone", [](World& w) { w.host.reset(); }, Fate::Delete},
        Case{"ADefinitionCannotBeRead",
             [](World& w) {
               w.vmIsElsewhere();
               w.facts->domains.resize(1);
               w.facts->domains[0].unreadable = "broken";
             },
             Fate::Keep}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vnic::reconcile::vnic
