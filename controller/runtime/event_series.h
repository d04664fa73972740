// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/event_sink.h"
#include "support/clock.h"

namespace vnic::runtime {

// One request to the API server.
struct EventWrite {
  bool create = true;  // else a merge patch of `series`
  api::ObjectKey key;
  nlohmann::json object;  // the whole Event: what is created, or created again if it has expired
};

// Turns equal events into one Event with a growing series, as client-go does: the first is created,
// the second makes it a series, further ones are only counted; a series is written again every 30
// minutes, and a last time once nothing came for 6 minutes. Remembers so many series and no more:
// beyond that the one that has been silent longest is forgotten, and would begin again as a new
// Event. Pure: no I/O, no clock of its own.
class EventSeries {
 public:
  static constexpr Duration kRefreshPeriod = std::chrono::minutes(30);
  static constexpr Duration kSilence = std::chrono::minutes(6);
  static constexpr std::size_t kMaxSeries = 1000;

  EventSeries(std::string controller, std::string instance);

  // What to write for this event now; nothing when it is only counted.
  std::optional<EventWrite> observe(const Event& event, WallTime at, MonoTime now);
  // What to write because time has passed. Call it about once a minute.
  std::vector<EventWrite> maintain(MonoTime now);

  std::size_t size() const { return series_.size(); }

 private:
  // Type, reason, action, regarding (kind, namespace, name, uid), related.
  using Identity = std::tuple<int, std::string, std::string, std::string, std::string>;
  struct Series {
    api::ObjectKey key;
    nlohmann::json object;
    int count = 1;
    MonoTime lastSeen;
    MonoTime lastWritten;
    bool dirty = false;  // counted further than what was written
  };

  static Identity identityOf(const Event& event);
  void forgetTheMostSilent();
  nlohmann::json toObject(const Event& event, const api::ObjectKey& key, WallTime at) const;

  std::string controller_;
  std::string instance_;
  std::map<Identity, Series> series_;
  std::uint64_t nextNumber_ = 0;
};

}  // namespace vnic::runtime
