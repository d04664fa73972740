// SPDX-License-Identifier: Apache-2.0
// The hosts in virtual time: how long guests and migrations take, and what breaks them when. What
// each of them does is in support/fake_hypervisor*.
#pragma once

#include <map>
#include <string>

#include "sim/agenda.h"
#include "support/fake_hypervisor.h"

namespace vnic::sim {

enum class Guest {
  Quick,  // lets go of a device within the call
  Slow,   // 7 s later; the call returns success after 5 s all the same
  Deaf,   // never; the call returns success after 5 s all the same
};

// What is going to become of a migration.
enum class Copy {
  Through,
  Stalls,      // no data moves any more; an abort still works
  Fails,       // the target's QEMU dies half-way
  CallerLost,  // the caller's connection breaks half-way, the migration goes on
};

class Fleet {
 public:
  Fleet(test::ManualClock& clock, Agenda& agenda) : clock_(clock), agenda_(agenda) {
    hosts.byHand = true;
  }

  test::FakeHypervisor hosts;
  std::chrono::milliseconds copyTime{8000};  // of the migrations that begin from now on
  Copy nextCopy = Copy::Through;             // of the next migration

  void setGuest(const std::string& uuid, Guest guest);
  Duration unplugCallTime(const std::string& uuid) const;

  Status detach(const std::string& host, const std::string& uuid, const std::string& deviceXml,
                hypervisor::DeviceScope scope);
  Status startMigration(const std::string& host, const hypervisor::MigrationRequest& request);
  Status abort(const std::string& host, const std::string& uuid);
  void updateProgress(const std::string& uuid);

  void powerOff(const std::string& host);
  void hang(const std::string& host);  // until hosts.setHung(host, false)
  void restartDaemon(const std::string& host);
  // Hosts that do not reach each other: copies freeze, and break 27.5 s later.
  void partition(Duration duration);

 private:
  struct Journey {
    int job = 0;
    MonoTime begun;
    Duration time{};
    Copy fate = Copy::Through;
    std::optional<int> frozenAt;  // percent
  };

  Guest guestOf(const std::string& uuid) const;
  bool isCurrent(const std::string& uuid, int job) const { return hosts.jobOf(uuid) == job; }
  void arriveSoon(const std::string& uuid, int job, Duration in);
  void switchOver(const std::string& uuid, int job);
  void finish(const std::string& uuid, int job);
  void breakLater(const std::string& uuid, int job);

  test::ManualClock& clock_;
  Agenda& agenda_;
  std::map<std::string, Guest> guests_;
  std::map<std::string, Journey> journeys_;  // by uuid
  MonoTime partitionedUntil_{};
};

}  // namespace vnic::sim
