// SPDX-License-Identifier: Apache-2.0
// What has to be true after whatever happened, and what a refusal must leave as it was.
#pragma once

#include <string>

#include "lab/guest.h"

namespace vnic::lab {

// The guest runs on that host and nowhere else, with a VF of the right network for each NIC, in the
// live and in the persistent definition; the PFs steer its MACs to these VFs; it answers; one
// reservation in use for each NIC and none besides; nobody claims the VM; the Vnics say so.
void expectSettled(const Guest& guest, const std::string& host);

// A refused migration touches nothing. Made before it; check() afterwards.
class Untouched {
 public:
  explicit Untouched(const Guest& guest);
  void check() const;

 private:
  Json look() const;

  Guest guest_;
  std::string host_;
  Json before_;
};

}  // namespace vnic::lab
