// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/lease.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;
using hypervisor::DomainState;

void twoHosts(World& world) {
  world.addHost("host1");
  world.addHost("host2");
  world.addStranger("host1", true);
  world.addStranger("host2", true);
}

void oneVm(World& world) {
  twoHosts(world);
  world.addVm("db", "host1");
}

void threeHosts(World& world) {
  oneVm(world);
  world.addHost("host3");
}

void twoNics(World& world) {
  twoHosts(world);
  world.addVm("db", "host1", 2);
}

const std::string& uuid(World& world) {
  return world.vm("db").uuid;
}

void move(World& world, api::VmMigrationSpec spec = {}) {
  world.addMigration("move", "db", spec);
}

api::VmMigrationSpec attempts(int number) {
  api::VmMigrationSpec spec;
  spec.policy.maxAttempts = number;
  return spec;
}

std::function<void(World&)> cancelIn(const char* phase, bool byDeletion) {
  return [phase, byDeletion](World& world) {
    move(world);
    world.whenPhase("move", phase, [&world, byDeletion] { cancel(world, byDeletion); });
  };
}

std::function<void(World&)> duringCopy(std::function<void(World&)> fault, Duration after = 2s,
                                       int maxAttempts = 1) {
  return [fault = std::move(fault), after, maxAttempts](World& world) {
    move(world, attempts(maxAttempts));
    world.when(
        [&world] { return world.fleet.hosts.jobOf(uuid(world)) != 0; },
        [&world, fault, after] { world.agenda.in(after, [&world, fault] { fault(world); }); });
  };
}

std::function<void(World&)> atSwitchOver(std::function<void(World&)> fault) {
  return [fault = std::move(fault)](World& world) {
    move(world, attempts(1));
    world.when([&world] { return world.fleet.hosts.suspended(uuid(world)); },
               [&world, fault] { fault(world); });
  };
}

void restart(World& world, const char* host) {
  world.note(fmt::format("{}'s daemon is killed and started", host));
  world.fleet.restartDaemon(host);
}

void powerCycle(World& world, const char* host) {
  world.note(fmt::format("{} loses power", host));
  world.fleet.powerOff(host);
  world.agenda.in(2min, [&world, host] {
    world.note(fmt::format("{} is back", host));
    world.fleet.hosts.powerOn(host);
  });
}

void hang(World& world, const char* host, Duration duration) {
  world.note(fmt::format("{}'s daemon hangs", host));
  world.fleet.hang(host);
  world.agenda.in(duration, [&world, host] {
    world.note(fmt::format("{}'s daemon goes on", host));
    world.fleet.hosts.setHung(host, false);
  });
}

// The VM ended; a person starts it where it is defined.
void startLater(World& world) {
  world.agenda.in(4min, [&world] {
    for (const auto& [host, domain] : world.fleet.hosts.everywhere(uuid(world))) {
      if (world.whereRuns("db").empty()) (void)world.fleet.hosts.start(host, uuid(world));
    }
  });
}

std::vector<Scenario> moves() {
  return {
      {"a VM with one NIC moves", oneVm, [](World& w) { move(w); }, {"Succeeded host2"}},
      {"a VM with two NICs moves", twoNics, [](World& w) { move(w); }, {"Succeeded host2"}},
      {"VFs without failover move",
       [](World& w) {
         twoHosts(w);
         w.addVm("db", "host1", 2, false);
       },
       [](World& w) { move(w); },
       {"Succeeded host2"}},
      {"autostart moves along",
       [](World& w) {
         twoHosts(w);
         w.addVm("db", "host1", 1, true, true);
       },
       [](World& w) { move(w); },
       {"Succeeded host2"}},
      {"there and back",
       oneVm,
       [](World& w) {
         move(w);
         w.whenPhase("move", "Succeeded", [&w] { w.addMigration("return", "db"); });
       },
       {"Succeeded host1, Succeeded host1"}},
      {"two VMs to a host with just enough VFs",
       [](World& w) {
         w.addHost("host1");
         w.addHost("host2", 2);
         w.addVm("db", "host1");
         w.addVm("web", "host1");
       },
       [](World& w) {
         move(w);
         w.addMigration("move-web", "web");
       },
       {"Succeeded host2, Succeeded host2"}},
      {"a dry run touches nothing",
       oneVm,
       [](World& w) {
         api::VmMigrationSpec spec;
         spec.mode = "DryRun";
         move(w, spec);
       },
       {"Succeeded host1"}},
  };
}

std::vector<Scenario> cancellations() {
  std::vector<Scenario> all;
  for (const bool byDeletion : {false, true}) {
    const std::string here = byDeletion ? "gone host1" : "Cancelled host1";
    const std::string there = byDeletion ? "gone host2" : "Succeeded host2";
    const auto add = [&](const char* phase, std::function<void(World&)> begin,
                         std::vector<std::string> ends) {
      all.push_back({fmt::format("{} while {}", byDeletion ? "deleted" : "cancelled", phase),
                     twoNics, std::move(begin), std::move(ends)});
    };
    add("Pending",
        [byDeletion](World& w) {
          w.fleet.powerOff("host2");
          w.agenda.in(1min, [&w] { w.fleet.hosts.powerOn("host2"); });
          cancelIn("Pending", byDeletion)(w);
        },
        {here});
    add("being claimed",
        [byDeletion](World& w) {
          move(w);
          w.when([&w] { return !w.server.all<runtime::Lease>().empty(); },
                 [&w, byDeletion] { cancel(w, byDeletion); });
        },
        {here});
    add("Reserving", cancelIn("Reserving", byDeletion), {here});
    add("Detaching", cancelIn("Detaching", byDeletion), {here});
    // An operator that dies may be too late for it.
    add("Migrating", cancelIn("Migrating", byDeletion), {here, there});
    // One that dies just before it starts the copy makes the VFs return: Attaching as well.
    add("Attaching", cancelIn("Attaching", byDeletion), {there, here});
    add("going back",
        [byDeletion](World& w) {
          w.fleet.nextCopy = Copy::Fails;
          move(w);
          w.whenGoingBack("move", [&w, byDeletion] { cancel(w, byDeletion); });
        },
        {here});
  }
  return all;
}

std::vector<Scenario> guests() {
  return {
      {"a slow guest moves",
       twoNics,
       [](World& w) {
         w.fleet.setGuest(uuid(w), Guest::Slow);
         move(w);
       },
       {"Succeeded host2"}},
      {"a deaf guest stays",
       twoNics,
       [](World& w) {
         w.fleet.setGuest(uuid(w), Guest::Deaf);
         move(w);
       },
       {"Failed host1"}},
      {"a deaf guest lets go after the end",
       twoNics,
       [](World& w) {
         w.fleet.setGuest(uuid(w), Guest::Deaf);
         move(w);
         w.whenPhase("move", "Failed", [&w] {
           w.fleet.setGuest(uuid(w), Guest::Quick);
           w.agenda.in(20s, [&w] { w.fleet.hosts.ejectIfRunning("host1", uuid(w)); });
         });
       },
       {"Failed host1"}},
      {"the guest shuts down before the copy",
       oneVm,
       [](World& w) {
         move(w);
         w.whenPhase("move", "Detaching", [&w] {
           w.fleet.hosts.killQemu("host1", uuid(w));
           startLater(w);
         });
       },
       {"Failed host1"}},
      {"the guest shuts down on the target before its VF is in",
       oneVm,
       [](World& w) {
         move(w);
         w.when([&w] { return w.whereRuns("db") == "host2"; },
                [&w] {
                  w.fleet.hosts.killQemu("host2", uuid(w));
                  startLater(w);
                });
       },
       {"Failed host2"}},
  };
}

std::vector<Scenario> copies() {
  return {
      {"the copy fails once",
       oneVm,
       [](World& w) {
         w.fleet.nextCopy = Copy::Fails;
         move(w);
       },
       {"Succeeded host2"}},
      {"the copy fails and another host is tried",
       threeHosts,
       [](World& w) {
         w.fleet.nextCopy = Copy::Fails;
         move(w, api::VmMigrationSpec());
       },
       {"Succeeded host2", "Succeeded host3"}},
      {"the copy fails for good",
       oneVm,
       [](World& w) {
         w.fleet.nextCopy = Copy::Fails;
         move(w, attempts(1));
       },
       {"Failed host1"}},
      {"the copy stalls",
       oneVm,
       [](World& w) {
         w.fleet.nextCopy = Copy::Stalls;
         move(w, attempts(1));
       },
       {"Failed host1"}},
      {"the caller of the copy loses its connection",
       oneVm,
       [](World& w) {
         w.fleet.nextCopy = Copy::CallerLost;
         move(w);
       },
       {"Succeeded host2"}},
      {"the target refuses to prepare",
       oneVm,
       [](World& w) {
         move(w, attempts(1));
         w.whenPhase("move", "Detaching",
                     [&w] { w.fleet.hosts.facts("host2").networks.at(0).active = false; });
       },
       {"Failed host1"}},
      {"the target's VFs are taken before they are reserved",
       [](World& w) {
         w.addHost("host1");
         w.addHost("host2", 1);
         w.addVm("db", "host1");
       },
       [](World& w) {
         move(w, attempts(1));
         w.whenPhase("move", "Reserving", [&w] { w.addStranger("host2", true); });
       },
       {"Failed host1"}},
  };
}

std::vector<Scenario> hostFaults() {
  return {
      {"the target's daemon hangs around the switch-over",
       oneVm,
       duringCopy([](World& w) { hang(w, "host2", 60s); }, 5s),
       {"Failed host1"}},
      {"the source's daemon hangs when the target's goes on after the switch-over",
       oneVm,
       duringCopy(
           [](World& w) {
             hang(w, "host2", 60s);
             w.agenda.in(50s, [&w] { hang(w, "host1", 30s); });
           },
           5s),
       {"Failed host1"}},
      {"the source's daemon dies while the target's hangs at the switch-over",
       oneVm,
       [](World& w) {
         move(w, attempts(1));
         w.when([&w] { return w.fleet.hosts.jobOf(uuid(w)) != 0; },
                [&w] { w.agenda.in(5s, [&w] { hang(w, "host2", 60s); }); });
         w.when([&w] { return w.fleet.hosts.suspended(uuid(w)); },
                [&w] { w.agenda.in(6s, [&w] { restart(w, "host1"); }); });
         // What is left of it on the source is ended by a person.
         w.agenda.in(5min, [&w] {
           if (w.whereRuns("db") == "host2") w.fleet.hosts.killQemu("host1", uuid(w));
         });
       },
       {"Succeeded host2", "Failed host1"}},
      {"the target's daemon hangs in the copy",
       oneVm,
       [](World& w) {
         w.fleet.copyTime = 50s;
         duringCopy([](World& again) { hang(again, "host2", 60s); }, 100ms)(w);
       },
       {"Failed host1"}},
      {"the source's daemon dies at the switch-over",
       oneVm,
       atSwitchOver([](World& w) { restart(w, "host1"); }),
       {"Failed host1"}},
      {"the source's daemon restarts in the copy",
       oneVm,
       duringCopy([](World& w) { restart(w, "host1"); }),
       {"Failed host1"}},
      {"the target's daemon restarts in the copy",
       oneVm,
       duringCopy([](World& w) { restart(w, "host2"); }),
       {"Failed host1"}},
      {"the target's QEMU dies in the copy",
       oneVm,
       duringCopy([](World& w) { w.fleet.hosts.killQemu("host2", uuid(w)); }),
       {"Failed host1"}},
      {"the source's QEMU dies in the copy",
       oneVm,
       duringCopy([](World& w) {
         w.fleet.hosts.killQemu("host1", uuid(w));
         startLater(w);
       }),
       {"Failed host1"}},
      {"the target loses power in the copy",
       oneVm,
       duringCopy([](World& w) { powerCycle(w, "host2"); }),
       {"Failed host1"}},
      {"the source loses power in the copy",
       [](World& w) {
         twoHosts(w);
         w.addVm("db", "host1", 1, true, true);
       },
       duringCopy([](World& w) {
         powerCycle(w, "host1");
         startLater(w);
       }),
       {"Failed host1"}},
      {"the target loses power after the switch-over",
       oneVm,
       [](World& w) {
         move(w);
         w.when([&w] { return w.whereRuns("db") == "host2"; },
                [&w] {
                  powerCycle(w, "host2");
                  startLater(w);
                });
       },
       {"Failed host2"}},
      {"the hosts do not reach each other",
       oneVm,
       duringCopy([](World& w) { w.fleet.partition(30s); }),
       {"Failed host1"}},
      {"the target is declared dead while it is away",
       oneVm,
       duringCopy([](World& w) {
         w.fleet.powerOff("host2");
         w.agenda.in(3min, [&w] { w.setAvailability("host2", "OutOfService"); });
       }),
       {"Failed host1"}},
      {"the target's PF goes down, another one serves",
       [](World& w) {
         w.addHost("host1");
         w.addHostWithTwoPfs("host2");
         w.addVm("db", "host1");
       },
       [](World& w) {
         move(w);
         w.whenPhase("move", "Migrating",
                     [&w] { w.fleet.hosts.facts("host2").physicalFunctions.at(0).linkUp = false; });
       },
       {"Succeeded host2"}},
      {"a VM moves on before its VF is back",
       threeHosts,
       [](World& w) {
         api::VmMigrationSpec to;
         to.targetHostName = "host2";
         move(w, to);
         w.whenPhase("move", "Migrating",
                     [&w] { w.fleet.hosts.facts("host2").physicalFunctions.at(0).linkUp = false; });
         w.whenPhase("move", "Degraded", [&w, to]() mutable {
           to.targetHostName = "host3";
           w.addMigration("on", "db", to);
         });
       },
       {"Succeeded host3, Succeeded host3"}},
      {"the target's only PF goes down for a while",
       oneVm,
       [](World& w) {
         move(w);
         w.whenPhase("move", "Migrating", [&w] {
           w.fleet.hosts.facts("host2").physicalFunctions.at(0).linkUp = false;
           w.agenda.in(
               6min, [&w] { w.fleet.hosts.facts("host2").physicalFunctions.at(0).linkUp = true; });
         });
       },
       {"Succeeded host2"}},
  };
}

std::vector<Scenario> vnics() {
  const auto want = [](World& w, const char* state) {
    w.server.edit<api::Vnic>({World::kNamespace, "db-0"},
                             [&](auto& spec) { spec.desiredState = state; });
  };
  return {
      {"a NIC is taken out and put in again",
       oneVm,
       [want](World& w) {
         w.takenOut.insert("db-0");
         want(w, "Detached");
         w.agenda.in(1min, [&w, want] { want(w, "Attached"); });
       },
       {""}},
      {"a VF that the guest lost comes back",
       oneVm,
       [](World& w) {
         w.fleet.setGuest(uuid(w), Guest::Deaf);
         const auto live = w.fleet.hosts.everywhere(uuid(w)).at(0).second.liveXml;
         const auto nic = domain::parseDomain(live)->hostdevs.at(0);
         const auto xml = domain::vfDeviceXml(domain::planOf(nic), nic.source);
         (void)w.fleet.hosts.detachDevice("host1", uuid(w), *xml, hypervisor::DeviceScope::Live);
         w.agenda.in(10s, [&w] { w.fleet.hosts.ejectIfRunning("host1", uuid(w)); });
       },
       {""}},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll = [] {
    std::vector<Scenario> all;
    for (auto&& part : {moves(), cancellations(), guests(), copies(), hostFaults(), vnics()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kAll;
}

void cancel(World& world, bool byDeletion) {
  world.note(byDeletion ? "a person deletes it" : "a person cancels it");
  if (byDeletion) {
    (void)world.server.remove(api::VmMigration::resource, {World::kNamespace, "move"}, {});
  } else {
    world.server.edit<api::VmMigration>({World::kNamespace, "move"},
                                        [](auto& spec) { spec.cancel = true; });
  }
}

void begin(World& world, const Scenario& scenario) {
  scenario.arrange(world);
  world.startOperator();
  if (!world.settle()) return;
  scenario.begin(world);
}

std::string finish(World& world, const Scenario& scenario, bool disturbed) {
  world.settle();
  if (!world.violation.empty()) return world.violation;
  std::vector<std::string> ends;
  for (const auto& m : world.server.all<api::VmMigration>()) {
    ends.push_back(m.status.phase + " " + world.whereRuns(m.spec.vmName));
  }
  const auto& defined = scenario.ends;
  const bool migrates = !defined.front().empty();
  if (ends.empty() && migrates) ends.push_back("gone " + world.whereRuns("db"));
  const std::string end = fmt::format("{}", fmt::join(ends, ", "));
  const auto last = disturbed ? defined.end() : defined.begin() + 1;
  if (std::find(defined.begin(), last, end) == last) {
    return fmt::format("ends as '{}', not as '{}'", end,
                       fmt::join(defined.begin(), last, "' or '"));
  }
  if (!disturbed) world.checkAtRest();
  return world.violation;
}

}  // namespace vnic::sim
