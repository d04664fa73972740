// SPDX-License-Identifier: Apache-2.0
// One process of the operator: the real caches, queues and reconcilers, behind ports that lead into
// the world. Dies where it is told to; the next one starts with an empty memory.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/controllers.h"
#include "sim/api_line.h"
#include "sim/host_line.h"

namespace vnic::sim {

class World;

class OperatorProcess final : private runtime::EventSink {
 public:
  OperatorProcess(World& world, int number);

  int number() const { return number_; }
  bool alive() const { return !dead_; }
  void kill() { dead_ = true; }
  // It dies right after that many more effects (writes that got through, changes to hosts).
  void killAfter(int effects) { effectsLeft_ = effects; }
  void countEffect();
  int effects() const { return effects_; }

  // A pass must not look like two of the same worker: controllers that have one under way.
  struct Ready {
    enum class What { Poll, Pass } what;
    std::size_t index;
  };
  std::vector<Ready> ready();
  void run(const Ready& what);
  std::optional<MonoTime> nextReady() const;
  // An informer hears nothing until then.
  void deafen(std::size_t informer, Duration duration);
  // Its watches break and have to begin again.
  void breakWatches() { breakNext_.insert({0, 1, 2, 3, 4}); }
  bool takeBreak(const api::ResourceType& type);

  void onHypervisorEvent(const hypervisor::HypervisorEvent& event) { hosts.deliver(event); }
  // Everything that it knows is looked at again, as by a resync.
  void lookAtEverything();

  ApiLine& api() { return api_; }

 private:
  void record(const runtime::Event& event) override;

  World& world_;
  int number_;
  bool dead_ = false;
  int effects_ = 0;
  std::optional<int> effectsLeft_;
  ApiLine api_;

 public:
  HostLine hosts;

 private:
  runtime::Metrics metrics_;
  app::Caches caches_;
  app::Options options_;
  app::Controllers controllers_;
  std::set<std::size_t> underWay_;
  std::map<std::size_t, MonoTime> deafUntil_;
  std::map<std::size_t, MonoTime> backOffUntil_;
  std::set<std::size_t> breakNext_;
};

}  // namespace vnic::sim
