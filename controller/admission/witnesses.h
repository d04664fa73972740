// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "admission/review.h"
#include "admission/world.h"
#include "kube/client.h"
#include "support/clock.h"

namespace vnic::admission {

// Asks the API server itself for the objects that a verdict rests on, because a cache may be a
// moment behind: whoever deletes a Vnic and then its profile, or applies two objects that name each
// other, must not be told what is no longer true.
class Witnesses {
 public:
  // No question is asked after `deadline`; one that was asked is bounded by the client.
  Witnesses(kube::Client& client, const Clock& clock, MonoTime deadline)
      : client_(client), clock_(clock), deadline_(deadline) {}

  // Corrects `world` by those of the verdict's witnesses who were not asked before. False = there
  // was nobody new to ask, or no time left: the verdict stands.
  bool ask(const Verdict& verdict, World& world);

 private:
  bool askOne(const reconcile::vnic_profile::Witness& witness, World& world);

  kube::Client& client_;
  const Clock& clock_;
  MonoTime deadline_;
  std::set<reconcile::vnic_profile::Witness> asked_;
};

}  // namespace vnic::admission
