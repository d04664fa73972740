// SPDX-License-Identifier: Apache-2.0
// A VmMigration of a test.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "lab/guest.h"
#include "lab/tools.h"

namespace vnic::lab {

class Migration {
 public:
  // Creates it for a VM. `spec` is all but vmName.
  static Migration create(const std::string& vmName, Json spec, const std::string& ns = kNamespace);

  const std::string& name() const { return name_; }
  Json object() const { return lab::object("vmmigration", name_, ns_); }
  std::string phase() const;

  // Waits until it has ended, and returns it; throws when it has not in time.
  Json waitEnd(std::chrono::seconds timeout = std::chrono::seconds(240)) const;
  // Waits until it says so; it may have gone on by then.
  void waitPhase(const std::string& phase) const;
  // Waits until libvirt has sent some, not all, of the guest's memory.
  void waitCopying(const Guest& guest, const std::string& source) const;

  void cancel() const;
  // Asks for its deletion and waits until it is gone.
  void remove(std::chrono::seconds timeout = std::chrono::seconds(120)) const;

 private:
  Migration(std::string ns, std::string name) : ns_(std::move(ns)), name_(std::move(name)) {}

  std::string ns_;
  std::string name_;
};

// The condition of that type, or null.
Json condition(const Json& object, const std::string& type);
std::string reasonOf(const Json& object, const std::string& conditionType = "Ready");

}  // namespace vnic::lab
