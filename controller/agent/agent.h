// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/board.h"
#include "agent/claim.h"
#include "agent/network.h"
#include "agent/path_rules.h"
#include "agent/pins.h"
#include "agent/scrubber.h"
#include "agent/watch.h"
#include "api/vf_reservation.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::agent {

// Keeps what the reservations of this host ask for, level-triggered: every pass looks at
// reservations, kernel and PCI bus anew. All of it on one thread, which waits for the kernel only,
// never for the API server.
class Agent {
 public:
  using Reservations = std::vector<std::shared_ptr<const api::VfReservation>>;

  struct Ports {
    Network& network;
    const PciBus& pci;
    Pins& pins;
    Watch& watch;
    Board& board;
    Clock& clock;
    std::function<Reservations()> reservations;  // of this host
    Logger log;
  };

  explicit Agent(Ports ports)
      : ports_(std::move(ports)), scrubber_(ports_.network, ports_.pci, ports_.log) {}

  // Until stopped. Pins stay: see release().
  void run(std::stop_token stop);
  // Waits for a change, at most until the next pass is due, and makes that pass.
  void step();
  // Removes every pin that is ours.
  void release();

 private:
  void look(const Changes& changes);
  bool concernsUs(const Changes& changes) const;
  bool vfsChanged() const;
  void readClaims();
  // Plans all paths and makes them so.
  void keepPaths(const HostState& state, const Changes& changes, Board::Reports& reports);
  void scrubReleased(const HostState& state, Board::Reports& reports);
  void lookAgainWithin(Duration duration);

  Ports ports_;
  Scrubber scrubber_;
  std::vector<Claim> claims_;
  std::map<std::string, Seen> seen_;    // by reservation
  std::map<PciAddress, bool> watched_;  // VFs that may begin or cease to work, and whether they do
  MonoTime next_{};                     // when a pass is due although nothing has changed
};

}  // namespace vnic::agent
