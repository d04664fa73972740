// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/vnic.h"
#include "kube/client.h"
#include "reconcile/take_vm.h"
#include "runtime/claim_lease.h"
#include "support/log.h"

namespace vnic::reconcile::vnic {

// Holds a VM for one Vnic until it goes out of scope. Whoever does not hold a VM touches none of
// its devices.
class VmClaim {
 public:
  // Conflict: another living object holds the VM. A claim of an object that is gone or finished is
  // taken from it, after the API server itself has said so.
  static Result<std::unique_ptr<VmClaim>> take(kube::Client& client, runtime::ClaimLeases& claims,
                                               const api::Vnic& vnic, const std::string& vmUuid,
                                               const Logger& log);
  ~VmClaim();
  VmClaim(const VmClaim&) = delete;
  VmClaim& operator=(const VmClaim&) = delete;

 private:
  VmClaim(runtime::ClaimLeases& claims, std::string name, std::string holder, const Logger& log)
      : claims_(claims), name_(std::move(name)), holder_(std::move(holder)), log_(log) {}

  runtime::ClaimLeases& claims_;
  std::string name_;
  std::string holder_;
  Logger log_;
};

}  // namespace vnic::reconcile::vnic
