// SPDX-License-Identifier: Apache-2.0
// Phase by fault: what becomes of a migration with one attempt when that goes wrong in that phase.
//
//   sim_matrix                   runs every cell, and fails when one ends otherwise
//   sim_matrix --print           the table, for documentation
//   sim_matrix --compare FILE    fails when the table in FILE is not this one
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string_view>

#include "hypervisor/error_code.h"
#include "sim/scenarios.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

// The last one: the copy has failed, and the VFs are on their way back into the guest.
constexpr std::array<const char*, 6> kPhases{"Reserving",   "Detaching", "Migrating",
                                             "switch-over", "Attaching", "going back"};

// Ends. The VM runs where it says, with all its VFs, in every one of them.
constexpr char kMoved[] = "Succeeded host2";
constexpr char kStayed[] = "Failed host1";
constexpr char kCancelled[] = "Cancelled host1";
constexpr char kDeletedHere[] = "gone host1";
constexpr char kDeletedThere[] = "gone host2";
// It was on the target already when it ended there, and was started there again.
constexpr char kEndedThere[] = "Failed host2";

struct Row {
  const char* fault;
  std::function<void(World&)> act;
  std::array<const char*, kPhases.size()> ends;
};

const std::string& uuid(World& w) {
  return w.vm("db").uuid;
}

void startLater(World& w) {
  w.agenda.in(4min, [&w] {
    for (const auto& [host, domain] : w.fleet.hosts.everywhere(uuid(w))) {
      if (w.whereRuns("db").empty()) (void)w.fleet.hosts.start(host, uuid(w));
    }
  });
}

void lose(World& w, const char* host) {
  w.fleet.powerOff(host);
  w.agenda.in(2min, [&w, host] { w.fleet.hosts.powerOn(host); });
  startLater(w);
}

void pfDown(World& w, const char* host) {
  w.fleet.hosts.facts(host).physicalFunctions.at(0).linkUp = false;
  w.agenda.in(4min,
              [&w, host] { w.fleet.hosts.facts(host).physicalFunctions.at(0).linkUp = true; });
}

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows{
      {"guest deaf to unplug",
       [](World& w) { w.fleet.setGuest(uuid(w), Guest::Deaf); },
       {kStayed, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"guest slow to unplug",
       [](World& w) { w.fleet.setGuest(uuid(w), Guest::Slow); },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"guest shuts down",
       [](World& w) {
         const std::string where = w.whereRuns("db");
         w.fleet.hosts.killQemu(where.empty() ? "host1" : where, uuid(w));
         startLater(w);
       },
       {kStayed, kStayed, kStayed, kStayed, kEndedThere, kStayed}},
      {"target's QEMU dies",
       [](World& w) {
         w.fleet.hosts.killQemu("host2", uuid(w));
         startLater(w);
       },
       {kMoved, kMoved, kStayed, kStayed, kEndedThere, kStayed}},
      {"target's unused VFs vanish for 4 min",
       [](World& w) {
         auto& pf = w.fleet.hosts.facts("host2").physicalFunctions.at(0);
         const auto all = pf.virtualFunctions;
         const auto unused = w.unusedVfs("host2");
         std::erase_if(pf.virtualFunctions, [&](const auto& vf) {
           return std::find(unused.begin(), unused.end(), vf.address) != unused.end();
         });
         w.agenda.in(4min, [&w, all] {
           w.fleet.hosts.facts("host2").physicalFunctions.at(0).virtualFunctions = all;
         });
       },
       {kStayed, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"target's PF down for 4 min",
       [](World& w) { pfDown(w, "host2"); },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"source's PF down for 4 min",
       [](World& w) { pfDown(w, "host1"); },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"a stranger takes a VF of the target",
       [](World& w) { w.addStrangerOnFreeVf("host2"); },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"attach fails three times",
       [](World& w) {
         for (int i = 0; i < 3; ++i) {
           w.fleet.hosts.failNext(
               test::Operation::Attach,
               test::libvirtError(hypervisor::kInternalError, "cannot limit locked memory"));
         }
       },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"source's daemon restarts",
       [](World& w) { w.fleet.restartDaemon("host1"); },
       {kMoved, kMoved, kStayed, kStayed, kMoved, kStayed}},
      {"target's daemon restarts",
       [](World& w) { w.fleet.restartDaemon("host2"); },
       {kMoved, kMoved, kStayed, kStayed, kMoved, kStayed}},
      {"target's daemon hangs for 60 s",
       [](World& w) {
         w.fleet.hang("host2");
         w.agenda.in(60s, [&w] { w.fleet.hosts.setHung("host2", false); });
       },
       {kStayed, kStayed, kStayed, kStayed, kMoved, kStayed}},
      {"source loses power for 2 min",
       [](World& w) { lose(w, "host1"); },
       {kStayed, kStayed, kStayed, kStayed, kMoved, kStayed}},
      {"target loses power for 2 min",
       [](World& w) { lose(w, "host2"); },
       {kStayed, kStayed, kStayed, kStayed, kEndedThere, kStayed}},
      {"hosts cut off from each other for 30 s",
       [](World& w) { w.fleet.partition(30s); },
       {kStayed, kStayed, kStayed, kStayed, kMoved, kStayed}},
      {"API server away for 30 s",
       [](World& w) {
         w.serverAway = true;
         w.agenda.in(30s, [&w] { w.serverAway = false; });
       },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"operator killed",
       [](World& w) { w.killOperators(); },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"target becomes NoInbound",
       [](World& w) { w.setAvailability("host2", "NoInbound"); },
       {kMoved, kMoved, kMoved, kMoved, kMoved, kStayed}},
      {"cancel",
       [](World& w) { cancel(w, false); },
       {kCancelled, kCancelled, kCancelled, kMoved, kMoved, kCancelled}},
      {"deletion of the VmMigration",
       [](World& w) { cancel(w, true); },
       {kDeletedHere, kDeletedHere, kDeletedHere, kDeletedThere, kDeletedThere, kDeletedHere}},
  };
  return kRows;
}

// The world gets into the phase with certainty, whatever the timing.
void inPhase(World& w, std::size_t phase, std::function<void()> act) {
  if (std::strcmp(kPhases[phase], "Migrating") == 0) {
    w.when([&w] { return w.fleet.hosts.jobOf(uuid(w)) != 0; }, [&w, act] { w.agenda.in(2s, act); });
  } else if (std::strcmp(kPhases[phase], "switch-over") == 0) {
    w.when([&w] { return w.fleet.hosts.suspended(uuid(w)); }, act);
  } else if (std::strcmp(kPhases[phase], "going back") == 0) {
    w.fleet.nextCopy = Copy::Fails;
    w.whenGoingBack("move", act);
  } else if (std::strcmp(kPhases[phase], "Attaching") == 0) {
    w.when([&w] { return w.whereRuns("db") == "host2"; }, act);
  } else {
    w.whenPhase("move", kPhases[phase], act);
  }
}

std::string runCell(const Row& row, std::size_t phase, std::string& history) {
  const Scenario cell{row.fault,
                      [](World& w) {
                        w.addHost("host1");
                        w.addHost("host2");
                        w.addVm("db", "host1", 2);
                      },
                      [&](World& w) {
                        api::VmMigrationSpec spec;
                        spec.policy.maxAttempts = 1;
                        w.addMigration("move", "db", spec);
                        inPhase(w, phase, [&w, &row] {
                          w.note(row.fault);
                          row.act(w);
                        });
                      },
                      {row.ends[phase]}};
  World world;
  begin(world, cell);
  const std::string wrong = finish(world, cell);
  history = world.history();
  return wrong;
}

std::string table() {
  std::string text = fmt::format("| Fault | {} |\n|---", fmt::join(kPhases, " | "));
  for (std::size_t i = 0; i < kPhases.size(); ++i) text += "|---";
  text += "|\n";
  for (const Row& row : rows()) {
    text += fmt::format("| {} | {} |\n", row.fault, fmt::join(row.ends, " | "));
  }
  return text;
}

int compare(const char* file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  if (text.str().find("\n\n" + table()) != std::string::npos) return 0;
  std::cout << file << " has another table than this:\n\n" << table();
  return 1;
}

int run() {
  int passed = 0;
  int cells = 0;
  for (const Row& row : rows()) {
    for (std::size_t phase = 0; phase < kPhases.size(); ++phase) {
      ++cells;
      std::string history;
      const std::string wrong = runCell(row, phase, history);
      if (wrong.empty()) {
        ++passed;
        continue;
      }
      std::cout << history << "\n";
      std::cout << fmt::format("BROKEN: {} in {}: {}\n", row.fault, kPhases[phase], wrong);
    }
  }
  std::cout << fmt::format("{} of {} cells end as defined\n", passed, cells);
  return passed == cells ? 0 : 1;
}

}  // namespace
}  // namespace vnic::sim

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "--print") {
    std::cout << vnic::sim::table();
    return 0;
  }
  if (what == "--compare" && argc == 3) return vnic::sim::compare(argv[2]);
  return vnic::sim::run();
}
