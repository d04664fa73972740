// SPDX-License-Identifier: Apache-2.0
#include "sim/operator_process.h"

#include <chrono>
#include <utility>
#include <vector>

#include "sim/world.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

// The reflector's back-off between two tries of a request, simplified.
constexpr Duration kPollBackOff = 1s;

constexpr std::size_t kMigrations = 4;  // in the order of app::Controllers::all()

app::Options makeOptions() {
  app::Options options;
  options.ns = World::kOperatorNamespace;
  options.maxParallelMigrations = 5;
  return options;
}

}  // namespace

OperatorProcess::OperatorProcess(World& world, int number)
    : world_(world),
      number_(number),
      api_(world, *this),
      hosts(world, *this),
      caches_(api_, world.clock, Logger()),
      options_(makeOptions()),
      controllers_(options_, {api_, hosts, caches_, *this, world.clock, metrics_, Logger(),
                              [this] { return dead_ ? Duration(0) : Duration(1h); }}) {
  controllers_.listen();
}

void OperatorProcess::record(const runtime::Event& event) {
  if (!dead_) world_.onEvent(event);
}

void OperatorProcess::countEffect() {
  ++effects_;
  world_.pullTriggers();  // several phases may pass within one step
  if (effectsLeft_ && --*effectsLeft_ <= 0) {
    world_.trace(*this, "dies");
    dead_ = true;
  }
}

bool OperatorProcess::takeBreak(const api::ResourceType& type) {
  auto informers = const_cast<app::Caches&>(caches_).all();
  for (std::size_t i = 0; i < informers.size(); ++i) {
    if (informers[i]->kind() == type.kind) return breakNext_.erase(i) > 0;
  }
  return false;
}

void OperatorProcess::deafen(std::size_t informer, Duration duration) {
  deafUntil_[informer] = world_.clock.now() + duration;
}

std::vector<OperatorProcess::Ready> OperatorProcess::ready() {
  std::vector<Ready> all;
  if (dead_) return all;
  const MonoTime now = world_.clock.now();
  auto informers = caches_.all();
  bool synced = true;
  for (std::size_t i = 0; i < informers.size(); ++i) {
    synced &= informers[i]->hasSynced();
    if (now < deafUntil_[i] || now < backOffUntil_[i]) continue;
    const std::string seen = informers[i]->resourceVersion();
    if (seen.empty() || world_.latestOf(i) > std::stoull(seen)) {
      all.push_back({Ready::What::Poll, i});
    }
  }
  // As app.cpp: no pass before all caches are there.
  if (!synced) return all;
  const auto controllers = controllers_.all();
  for (std::size_t i = 0; i < controllers.size(); ++i) {
    if (underWay_.contains(i)) continue;
    const auto next = controllers[i]->queue().nextReady();
    if (next && *next <= now) all.push_back({Ready::What::Pass, i});
  }
  return all;
}

void OperatorProcess::run(const Ready& what) {
  // It may be in the middle of another pass.
  const ApiCalls outer = std::exchange(world_.callsOfPass, {});
  if (what.what == Ready::What::Poll) {
    if (caches_.all()[what.index]->poll() == cache::Follow::AfterBackoff) {
      backOffUntil_[what.index] = world_.clock.now() + kPollBackOff;
    }
  } else {
    underWay_.insert(what.index);
    const auto key = controllers_.all()[what.index]->processNext();
    if (key && what.index == kMigrations) world_.countCalls(*key, world_.callsOfPass);
    underWay_.erase(what.index);
  }
  world_.callsOfPass = outer;
}

std::optional<MonoTime> OperatorProcess::nextReady() const {
  if (dead_) return std::nullopt;
  std::optional<MonoTime> next;
  const auto consider = [&](MonoTime time) {
    if (time > world_.clock.now() && (!next || time < *next)) next = time;
  };
  for (const auto& [index, time] : deafUntil_) consider(time);
  for (const auto& [index, time] : backOffUntil_) consider(time);
  for (auto* controller : const_cast<app::Controllers&>(controllers_).all()) {
    if (const auto time = controller->queue().nextReady()) consider(*time);
  }
  return next;
}

void OperatorProcess::lookAtEverything() {
  const auto controllers = controllers_.all();
  const auto add = [&](std::size_t index, const auto& store) {
    for (const auto& object : store.list()) controllers[index]->queue().add(object->metadata.key());
  };
  add(0, caches_.hosts.store());
  add(1, caches_.profiles.store());
  add(2, caches_.vnics.store());
  add(3, caches_.reservations.store());
  add(kMigrations, caches_.migrations.store());
}

}  // namespace vnic::sim
