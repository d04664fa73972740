// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/contract/reconciler.h"
#include "reconcile/vnic/effects.h"
#include "reconcile/vnic/observation.h"
#include "reconcile/vnic/plan.h"
#include "support/clock.h"

namespace vnic::reconcile::vnic {

// Owns the goal "attached as wanted" of each Vnic, at all times but while a migration holds the VM.
// To be asked again when the Vnic, its profile or the profile's failover, a migration of its VM, a
// reservation that it holds, or the facts of a host that has or had the VM change.
class VnicReconciler final : public Reconciler {
 public:
  struct Ports {
    ObservationSources sources;
    EffectPorts effects;
    Clock& clock;
  };
  struct Options {
    Duration firstRetry = std::chrono::seconds(5);
    Duration longestRetry = std::chrono::minutes(5);
    Duration claimedRetry = std::chrono::seconds(2);  // somebody else works on the VM
    Duration pairCheck = std::chrono::seconds(30);    // while the guest has not taken the pair
  };

  VnicReconciler(Ports ports, Options options) : ports_(std::move(ports)), options_(options) {}

  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  using VnicPtr = std::shared_ptr<const api::Vnic>;

  // What this process knows of a Vnic beyond the objects.
  struct Memory {
    std::string uid;
    std::optional<Retry> retry;
    bool claimGivenBack = false;  // a claim that an earlier pass or process left is gone
    std::string negotiated;  // the pair that the guest has taken; it keeps it until it is unplugged
  };

  Result<VnicPtr> settleFinalizer(VnicPtr vnic);
  Observation look(const VnicPtr& vnic);
  std::optional<bool> askNegotiated(const Observation& o);
  Status act(Observation& o, Plan& plan);
  Outcome change(const Observation& o, Step step);
  void remember(const Observation& o, Step step, const Outcome& outcome);
  void forgetFailures(const api::Vnic& vnic);
  Status giveBackClaim(const Observation& o);
  Status writeStatus(const VnicPtr& vnic, const Observation& o, const Plan& plan);
  Status letGo(const VnicPtr& vnic, const Observation& o);

  Memory recall(const api::Vnic& vnic);
  void memorize(const api::Vnic& vnic, const Memory& memory);

  Ports ports_;
  Options options_;
  std::mutex mutex_;
  std::map<api::ObjectKey, Memory> memories_;
};

// The Vnics that a change of this host's facts may concern.
std::vector<api::ObjectKey> vnicsConcernedBy(const std::string& host,
                                             const ObservationSources& sources);

}  // namespace vnic::reconcile::vnic
