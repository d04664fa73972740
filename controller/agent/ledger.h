// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <set>
#include <utility>

#include "agent/network.h"
#include "support/error.h"

namespace vnic::agent {

// The pins that are ours, in a file that lives as long as the kernel's state does (/run). The
// kernel has no room for an owner in these entries, so without it what a killed agent left behind
// could not be told from what others made.
class Ledger {
 public:
  // What the file says; an absent one says nothing. Terminal: it cannot be read or written.
  static Result<Ledger> open(const std::filesystem::path& directory);

  const std::set<Pin>& pins() const { return pins_; }
  // Before a pin is made, and after it is removed.
  Status insert(const Pin& pin);
  Status erase(const Pin& pin);

 private:
  explicit Ledger(std::filesystem::path file) : file_(std::move(file)) {}

  Status load();
  Status store() const;

  std::filesystem::path file_;
  std::set<Pin> pins_;
};

}  // namespace vnic::agent
