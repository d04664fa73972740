// SPDX-License-Identifier: Apache-2.0
#include "agent/pins.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace vnic::agent {
namespace {

// What is ours has to be as we make it.
bool isThere(const Pin& pin, bool ours, const HostState& state) {
  return std::any_of(state.fdb.begin(), state.fdb.end(), [&](const FdbEntry& entry) {
    if (entry.link != pin.link || entry.mac != pin.mac) return false;
    if (pin.kind == Pin::Kind::Filter) return entry.self;
    return !entry.self && !entry.learned && (entry.sticky || !ours);
  });
}

// The port of the same bridge to which somebody else has bound the MAC; nullptr = none.
const Link* boundElsewhere(const Pin& pin, const HostState& state) {
  const Link* tap = state.link(pin.link);
  if (tap == nullptr) return nullptr;
  for (const FdbEntry& entry : state.fdb) {
    if (entry.self || entry.learned || entry.mac != pin.mac || entry.link == pin.link) continue;
    const Link* port = state.link(entry.link);
    if (port != nullptr && (port->master == tap->master || port->index == tap->master)) return port;
  }
  return nullptr;
}

bool contains(const std::vector<Pin>& pins, const Pin& pin) {
  return std::find(pins.begin(), pins.end(), pin) != pins.end();
}

}  // namespace

std::map<std::string, Error> Pins::settle(const std::vector<Pin>& wanted, const HostState& state) {
  std::map<std::string, Error> failures;
  for (const Pin& pin : wanted) {
    if (auto done = make(pin, state); !done) {
      log_.warn("Cannot pin", {{"mac", pin.mac}, {"error", done.error().message}});
      failures.emplace(pin.mac, done.error());
    }
  }
  removeUnwanted(wanted, state);
  return failures;
}

Status Pins::make(const Pin& pin, const HostState& state) {
  // Ours, or somebody else's that does the same.
  if (isThere(pin, ours().contains(pin), state)) return {};
  if (pin.kind == Pin::Kind::Entry) {
    if (const Link* other = boundElsewhere(pin, state)) {
      return fail(Error::invalid(
          fmt::format("somebody has bound {} to port {} of the bridge", pin.mac, other->name)));
    }
  }
  if (auto done = ledger_.insert(pin); !done) return done;
  Status made = network_.add(pin);
  if (!made) (void)ledger_.erase(pin);
  // Somebody was faster than our look at the host; theirs serves as well.
  if (!made && made.error().kind == ErrorKind::AlreadyExists) return {};
  return made;
}

// Entries before filters (the order of Pin::Kind): as long as copies still come in, the bridge
// floods them.
void Pins::removeUnwanted(const std::vector<Pin>& wanted, const HostState& state) {
  const std::set<Pin> ours = ledger_.pins();
  for (const Pin& pin : ours) {
    if (contains(wanted, pin)) continue;
    // With its device the kernel has removed the pin.
    const Status done = state.link(pin.link) == nullptr ? Status() : network_.remove(pin);
    if (!done) {
      log_.warn("Cannot unpin", {{"mac", pin.mac}, {"error", done.error().message}});
      continue;
    }
    if (auto noted = ledger_.erase(pin); !noted) {
      log_.error("Cannot note what is ours", {{"error", noted.error().message}});
    }
  }
}

}  // namespace vnic::agent
