// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "kube/client.h"
#include "runtime/lease.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::runtime {

// Claims on named things (one VM: "vm-<uuid>") that at most one object holds at a time, as Leases
// in the operator's namespace. The holder is the uid of an API object. A claim does not expire:
// whether its holder still lives is for the reconcilers to decide, who then release it for the dead
// one. Every call asks the API server, so that no stale cache can show a claim as free.
class ClaimLeases {
 public:
  struct Claim {
    bool held = false;   // by the one who asked
    std::string holder;  // who has it
  };

  ClaimLeases(kube::Client& client, Clock& clock, std::string ns)
      : client_(client), clock_(clock), ns_(std::move(ns)) {}

  // Takes the claim if nobody has it. Errors: those of the client; Conflict only when others keep
  // changing it, try again later.
  Result<Claim> tryClaim(const std::string& name, const std::string& holder);
  // Gives back what `holder` has. Success when it is not (or no longer) the holder.
  Status release(const std::string& name, const std::string& holder);
  // Who holds it; nullopt = nobody.
  Result<std::optional<std::string>> holderOf(const std::string& name);

 private:
  kube::Client& client_;
  Clock& clock_;
  std::string ns_;
};

}  // namespace vnic::runtime
