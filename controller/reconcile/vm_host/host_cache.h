// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/vf_inventory.h"
#include "hypervisor/hypervisor.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::reconcile::vm_host {

// What is known of one host. While `error` is set the facts are those of the last good read, and
// the host's state now is unknown: a VM that they do not show may well be there.
struct HostFacts {
  std::string host;
  bool known = false;  // there was a good read
  hypervisor::HostSnapshot
      snapshot;  // without the texts of definitions; Hypervisor::domain() has them
  std::vector<domain::ParsedDomain> domains;
  WallTime readAt;             // of the last good read
  std::optional<Error> error;  // why the last read failed

  bool reachable() const { return known && !error; }
};

using HostFactsPtr = std::shared_ptr<const HostFacts>;

// The latest facts of every host, for all who decide on them. Thread-safe; facts are immutable.
class HostCache {
 public:
  using ChangeHandler = std::function<void(const std::string& host)>;

  HostCache(hypervisor::Hypervisor& hypervisor, Clock& clock)
      : hypervisor_(hypervisor), clock_(clock) {}

  // Before the first refresh. Called, without any lock held, on the thread that saw the change.
  void onChange(ChangeHandler handler) { handlers_.push_back(std::move(handler)); }

  HostFactsPtr get(const std::string& host) const;  // nullptr: never asked, or removed
  std::vector<HostFactsPtr> list() const;           // in the order of the names

  // What the host has, by its last good read, as far as its spec allows to use it; nullptr when
  // there was none. Built again only when the read, the spec, what the node agent says or the
  // host's reservations changed.
  std::shared_ptr<const domain::VfInventory> inventory(
      const api::VmHost& host, const domain::ReservationsByHost& reservations) const;

  // Reads the host now and publishes what came. The error is the host's.
  Result<HostFactsPtr> refresh(const std::string& host);
  void remove(const std::string& host);

 private:
  struct Entry {
    HostFactsPtr facts;
    std::uint64_t ticket = 0;  // of the read that it came from
    std::size_t fingerprint = 0;
  };

  // An inventory with what it was built from.
  struct Inventory {
    HostFactsPtr facts;
    api::VmHostSpec spec;
    std::optional<api::AgentFacts> agent;
    std::vector<domain::ReservationPtr> reservations;
    std::shared_ptr<const domain::VfInventory> built;
  };

  hypervisor::Hypervisor& hypervisor_;
  Clock& clock_;
  std::vector<ChangeHandler> handlers_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::uint64_t lastTicket_ = 0;
  mutable std::map<std::string, Inventory> inventories_;
};

}  // namespace vnic::reconcile::vm_host
