// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vm_migration/effects.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <utility>

#include "api/names.h"
#include "hypervisor/error_code.h"
#include "kube/typed.h"
#include "reconcile/contract/reconciler.h"

namespace vnic::reconcile::vm_migration {
namespace {

class Interpreter {
 public:
  Interpreter(const EffectPorts& ports, const Observation& o)
      : ports_(ports), o_(o), status_(o.migration->status), uuid_(status_.vmUUID) {}

  Status operator()(const ReserveSource& e) {
    const Nic& nic = o_.nics.at(e.nic);
    if (!nic.source) {
      if (!nic.onSource) {
        return fail(
            Error::transient(nic.mac + " has neither a VF nor a reservation on the source"));
      }
      return create(nic, status_.sourceHost, *nic.onSource, api::purpose::kReturn);
    }
    nlohmann::json change{{"purpose", api::purpose::kReturn}, {"migration", toJson(self())}};
    if (nic.onSource) change["device"] = toJson(planToKeep(nic));
    return written(kube::patchSpec(ports_.client, *nic.source, std::move(change)));
  }

  Status operator()(const ReserveTarget& e) {
    return create(o_.nics.at(e.nic), status_.targetHost, e.vf, api::purpose::kTarget);
  }

  Status operator()(const ReserveOther& e) {
    return create(o_.nics.at(e.nic), e.onTarget ? status_.targetHost : status_.sourceHost, e.vf,
                  e.onTarget ? api::purpose::kTarget : api::purpose::kReturn);
  }

  Status operator()(const Settle& e) {
    nlohmann::json change{{"purpose", e.purpose}};
    if (e.purpose == api::purpose::kInUse) change["migration"] = nullptr;
    return written(kube::patchSpec(ports_.client, *e.reservation, std::move(change)));
  }

  Status operator()(const Detach& e) {
    const auto xml = domain::vfDeviceXml(o_.nics.at(e.nic).device, e.vf);
    if (!xml) return fail(xml.error());
    if (!e.notPinned.empty()) {
      tell(runtime::EventType::Normal, "StandbyNotPinned",
           fmt::format("the VF of {} leaves the guest without its standby pinned: {}",
                       o_.nics.at(e.nic).mac, e.notPinned));
    }
    Status done = ports_.hypervisor.detachDevice(status_.sourceHost, uuid_, *xml,
                                                 hypervisor::DeviceScope::Live);
    // Gone already is what was wanted; the next look at the live XML decides anyway.
    if (!done && done.error().kind == ErrorKind::NotFound) return {};
    return done;
  }

  Status operator()(const Attach& e) {
    const auto xml = domain::vfDeviceXml(o_.nics.at(e.nic).device, e.vf);
    if (!xml) return fail(xml.error());
    return ports_.hypervisor.attachDevice(e.host, uuid_, *xml, hypervisor::DeviceScope::Live);
  }

  Status operator()(const FollowVfs& e) {
    domain::HostSideChanges changes;
    for (const Nic& nic : o_.nics) {
      const auto& vf = e.onTarget ? nic.onTarget : nic.onSource;
      if (vf) changes.vfs.push_back({nic.mac, nic.device.alias, *vf});
    }
    const Copy& copy = e.onTarget ? o_.target : o_.source;
    const auto xml = domain::persistentDestinationXml(copy.domain.persistentXml, changes);
    if (!xml) return fail(xml.error());
    return ports_.hypervisor.define(e.onTarget ? status_.targetHost : status_.sourceHost, *xml);
  }

  Status operator()(const SetAutostart& e) {
    return ports_.hypervisor.setAutostart(e.host, uuid_, e.on);
  }

  Status operator()(const StartCopy&) {
    const auto request = copyRequest();
    if (!request) return fail(request.error());
    return ports_.hypervisor.startMigration(status_.sourceHost, *request);
  }

  Status operator()(const AbortCopy&) {
    return ports_.hypervisor.abortJob(status_.sourceHost, uuid_);
  }

  Status operator()(const ResumeSource&) {
    tell(runtime::EventType::Warning, "SourceResumed",
         "resumed on the source: the switch-over broke and the target has no such VM");
    return ports_.hypervisor.resume(status_.sourceHost, uuid_);
  }

  Status operator()(const DestroyVoidCopy&) {
    tell(runtime::EventType::Warning, "VoidCopyDestroyed",
         fmt::format("a second copy came to life on {} after the source went on; destroyed it",
                     status_.targetHost));
    return ports_.hypervisor.destroy(status_.targetHost, uuid_);
  }

 private:
  api::ObjectReference self() const {
    const api::ObjectMeta& meta = o_.migration->metadata;
    return {meta.ns, meta.name, meta.uid};
  }

  // The device as it is in the guest now, with the VF that it has where the migration began.
  static api::DevicePlan planToKeep(const Nic& nic) {
    api::DevicePlan plan = nic.device;
    if (nic.onSource) plan.originalVf = nic.onSource->str();
    return plan;
  }

  Status create(const Nic& nic, const std::string& host, const PciAddress& vf,
                const char* purpose) {
    api::ObjectMeta meta;
    meta.name = api::VfReservation::nameFor(host, vf.str());
    meta.finalizers = {api::kFinalizer};
    api::VfReservationSpec spec;
    spec.hostName = host;
    spec.address = vf.str();
    spec.holder = {nic.vnic->metadata.ns, nic.vnic->metadata.name, nic.vnic->metadata.uid};
    spec.purpose = purpose;
    spec.migration = self();
    spec.vmUUID = uuid_;
    spec.device = planToKeep(nic);
    return written(kube::createObject<api::VfReservation>(ports_.client, meta, toJson(spec)));
  }

  static Status written(const Result<api::VfReservation>& answer) {
    if (!answer) return fail(answer.error());
    return {};
  }

  Result<hypervisor::MigrationRequest> copyRequest() const {
    if (!o_.targetHost) return fail(Error::transient("no VmHost " + status_.targetHost));
    const api::MigrationPolicy& policy = o_.migration->spec.policy;
    hypervisor::MigrationRequest request;
    request.uuid = uuid_;
    request.peerURI = peerUriOf(o_.targetHost->spec);
    request.migrationAddress = o_.targetHost->spec.migrationAddress;
    request.bandwidthMiBPerSecond = policy.bandwidthMiBPerSecond;
    request.maxDowntimeMilliseconds = policy.maxDowntimeMilliseconds;
    request.autoConverge = policy.autoConverge;
    // Networks keep their names, so the live definition fits the target as it is. It is passed all
    // the same: libvirt refuses when the guest has other NICs by now, a VF that came back.
    if (!o_.source.domain.migratableXml.empty()) {
      const auto live = domain::destinationXml(o_.source.domain.migratableXml, {});
      if (!live) return fail(live.error());
      request.destinationXml = *live;
    }
    // The persistent one still names the source's VFs.
    if (!o_.source.domain.persistentXml.empty()) {
      domain::HostSideChanges changes;
      for (const Nic& nic : o_.nics) {
        const auto vf = nic.target ? PciAddress::parse(nic.target->spec.address) : std::nullopt;
        if (vf) changes.vfs.push_back({nic.mac, nic.device.alias, *vf});
      }
      const auto xml = domain::persistentDestinationXml(o_.source.domain.persistentXml, changes);
      if (!xml) return fail(xml.error());
      request.persistentXml = *xml;
    }
    return request;
  }

  void tell(runtime::EventType type, const char* reason, std::string note) {
    ports_.events.record({runtime::eventObject(*o_.migration), type, reason, "Migrate",
                          std::move(note), std::nullopt});
  }

  const EffectPorts& ports_;
  const Observation& o_;
  const api::VmMigrationStatus& status_;
  const std::string& uuid_;
};

template <class T>
concept ForOneNic = requires(T effect) {
  effect.nic;
};

std::optional<std::size_t> nicOf(const Effect& effect) {
  return std::visit(
      [](const auto& e) -> std::optional<std::size_t> {
        if constexpr (ForOneNic<decltype(e)>) return e.nic;
        return std::nullopt;
      },
      effect);
}

// Is it the VF itself that cannot be attached: taken, gone, its PF down? Then another may do.
std::string refusedVf(const Effect& effect, const Error& error) {
  const auto* attach = std::get_if<Attach>(&effect);
  if (attach == nullptr) return "";
  const bool unusable =
      error.code == hypervisor::kOperationInvalid || error.code == hypervisor::kInternalError ||
      (error.code == hypervisor::kConfigUnsupported && error.kind == ErrorKind::Invalid);
  return unusable ? api::VfReservation::nameFor(attach->host, attach->vf.str()) : "";
}

}  // namespace

std::vector<EffectFailure> carryOut(const EffectPorts& ports, const Observation& observation,
                                    const std::vector<Effect>& effects, const Logger& log) {
  std::vector<EffectFailure> failures;
  Interpreter interpreter(ports, observation);
  for (const Effect& effect : effects) {
    if (ports.leaseTimeLeft() < kLeaseMargin) {
      failures.push_back(
          {std::nullopt, Error::transient("the leader's Lease is about to end"), ""});
      break;
    }
    const Status done = std::visit(interpreter, effect);
    if (done) continue;
    log.warn("Step failed", {{"error", done.error().message}});
    failures.push_back({nicOf(effect), done.error(), refusedVf(effect, done.error())});
    if (std::holds_alternative<ReserveTarget>(effect)) break;
  }
  return failures;
}

std::string peerUriOf(const api::VmHostSpec& spec) {
  if (!spec.peerURI.empty()) return spec.peerURI;
  return spec.libvirtURI.substr(0, spec.libvirtURI.find('?'));
}

}  // namespace vnic::reconcile::vm_migration
