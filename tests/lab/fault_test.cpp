// SPDX-License-Identifier: Apache-2.0
// Phase by fault on real hosts: each cell breaks one thing in one phase of a migration with one
// attempt, and says how that has to end. tests/sim has the same table with every phase and many
// more faults; here is what real daemons, kernels and guests make of those that they can be given.
#include <fmt/format.h>

#include <optional>
#include <ostream>

#include "lab/lab_test.h"

namespace vnic::lab {
namespace {

using namespace std::chrono_literals;

// Whether the VM still runs, or is off: all that a guest's death leaves is its definition.
enum class Leaves { Running, Off };

struct Scene {
  Guest guest;
  std::string source;
  std::string target;
  const Migration* migration;

  bool copyHasEnded() const { return !isCopying(source, guest); }
};

struct Cell {
  const char* fault;
  const char* phase;  // SwitchOver: the last seconds of the copy
  void (*act)(const Scene&);
  const char* ends;  // in that phase
  bool moved;
  Leaves leaves = Leaves::Running;
  // Its kernel ignores hot-unplug, so that Detaching lasts.
  bool deaf = false;
};

std::ostream& operator<<(std::ostream& out, const Cell& cell) {
  return out << cell.fault << " in " << cell.phase;
}

void onHost(const std::string& host, const std::string& command) {
  lab({"ssh", host, command});
}

void signalDaemon(const std::string& host, const std::string& signal) {
  onHost(host, "systemctl kill --kill-whom=main -s " + signal + " libvirtd");
}

void killQemu(const std::string& host, const Guest& guest) {
  onHost(host, "pkill -KILL -f '[g]uest=" + guest.name + ",'");
}

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

void operatorKilled(const Scene&) {
  stack({"operator", "kill"});
  stack({"operator", "start"});
}

void cancelled(const Scene& scene) {
  scene.migration->cancel();
}

void nothing(const Scene&) {}

void sourceDaemonKilled(const Scene& scene) {
  signalDaemon(scene.source, "KILL");
}

void targetDaemonKilled(const Scene& scene) {
  signalDaemon(scene.target, "KILL");
}

void sourceQemuKilled(const Scene& scene) {
  killQemu(scene.source, scene.guest);
}

void targetQemuKilled(const Scene& scene) {
  killQemu(scene.target, scene.guest);
}

void targetLosesPower(const Scene& scene) {
  lab({"power", scene.target, "off"});
  require(eventually(90s, [&] { return scene.copyHasEnded(); }),
          "the copy goes on to a host that is off");
  lab({"power", scene.target, "on"});
}

void sourceLosesPower(const Scene& scene) {
  lab({"power", scene.source, "off"});
  lab({"power", scene.source, "on"});
}

void apiServerKilled(const Scene&) {
  stack({"apiserver", "stop"});
  // Without the API server it loses its Lease and ends; a Pod of it would be started again.
  eventually(60s, [] { return !operatorRuns(); });
  stack({"apiserver", "start"});
  if (!operatorRuns()) stack({"operator", "start"});
}

void targetNetworkStopped(const Scene& scene) {
  const std::string network = "tenant-" + scene.guest.nics[0].color;
  lab({"virsh", scene.target, "net-destroy", network});
  (void)scene.migration->waitEnd();
  lab({"virsh", scene.target, "net-start", network});
}

void hostsCutOff(const Scene& scene) {
  const std::string route =
      fmt::format("blackhole $(getent hosts {} | cut -d' ' -f1)/32", scene.target);
  onHost(scene.source, "ip route add " + route);
  require(eventually(90s, [&] { return scene.copyHasEnded(); }), "the copy goes on to nowhere");
  onHost(scene.source, "ip route del " + route);
}

// libvirt itself then ends with both copies running: the source is resumed, and the target's daemon
// does what was asked of it before, once it continues.
void targetDaemonHangs(const Scene& scene) {
  signalDaemon(scene.target, "STOP");
  const bool ended = eventually(120s, [&] { return scene.copyHasEnded(); });
  signalDaemon(scene.target, "CONT");
  require(ended, "the copy goes on although the target's daemon hangs");
}

// The source is left paused in the middle of a migration that nobody knows of, and only the target
// can say whether the VM may run there.
void targetDaemonHangsAndSourceDaemonDies(const Scene& scene) {
  signalDaemon(scene.target, "STOP");
  const bool paused = eventually(60s, [&] {
    return lab({"virsh", scene.source, "domstate", scene.guest.name}) == "paused\n";
  });
  signalDaemon(scene.source, "KILL");
  // Long enough for an operator that guesses to resume the wrong one.
  const bool resumed = eventually(20s, [&] {
    const auto state = tryLab({"virsh", scene.source, "domstate", scene.guest.name});
    return state.ok() && state.out == "running\n";
  });
  signalDaemon(scene.target, "CONT");
  require(paused, "the source was never paused: the daemon was stopped too early or too late");
  require(!resumed, "the source was resumed before the target had answered");
  require(scene.migration->waitEnd(300s).at("status").at("phase") == "Succeeded",
          "the target has the VM, and the migration does not say so");
  // The copy whose memory has gone over stays paused for ever. What is not void by itself is for a
  // person to remove: the operator names it (RunningTwice) and touches nothing meanwhile.
  for (const char* command : {"destroy", "undefine"}) {
    lab({"virsh", scene.source, command, scene.guest.name});
  }
}

const Cell kCells[] = {
    {"GuestIsDeaf", "Detaching", nothing, "Failed", false, Leaves::Running, true},
    {"OperatorKilled", "Detaching", operatorKilled, "Failed", false, Leaves::Running, true},
    {"Cancelled", "Detaching", cancelled, "Cancelled", false, Leaves::Running, true},
    {"SourceDaemonKilled", "Detaching", sourceDaemonKilled, "Failed", false, Leaves::Running, true},
    {"TargetDaemonKilled", "Detaching", targetDaemonKilled, "Failed", false, Leaves::Running, true},

    {"SourceDaemonKilled", "Migrating", sourceDaemonKilled, "Failed", false},
    {"TargetDaemonKilled", "Migrating", targetDaemonKilled, "Failed", false},
    {"SourceQemuKilled", "Migrating", sourceQemuKilled, "Failed", false, Leaves::Off},
    {"TargetQemuKilled", "Migrating", targetQemuKilled, "Failed", false},
    {"SourceLosesPower", "Migrating", sourceLosesPower, "Failed", false, Leaves::Off},
    {"TargetLosesPower", "Migrating", targetLosesPower, "Failed", false},
    {"HostsCutOff", "Migrating", hostsCutOff, "Failed", false},
    {"ApiServerKilled", "Migrating", apiServerKilled, "Succeeded", true},
    {"TargetNetworkStopped", "Migrating", targetNetworkStopped, "Succeeded", true},

    {"TargetDaemonHangs", "SwitchOver", targetDaemonHangs, "Failed", false},
    {"TargetDaemonHangsAndSourceDaemonDies", "SwitchOver", targetDaemonHangsAndSourceDaemonDies,
     "Succeeded", true},

    {"OperatorKilled", "Attaching", operatorKilled, "Succeeded", true},
    {"Cancelled", "Attaching", cancelled, "Succeeded", true},
    {"SourceDaemonKilled", "Attaching", sourceDaemonKilled, "Succeeded", true},
    {"TargetDaemonKilled", "Attaching", targetDaemonKilled, "Succeeded", true},
    {"SourceLosesPower", "Attaching", sourceLosesPower, "Succeeded", true},
};

class Fault : public LabTest, public testing::WithParamInterface<Cell> {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    guest_ = GetParam().deaf ? makeGuest("vf", {"--deaf"}) : useGuest("failover");
    source_ = hostOf(guest_);
    target_ = otherHost(source_);
  }

  void TearDown() override {
    LabTest::TearDown();
    if (GetParam().deaf && !guest_.name.empty()) removeWithVnics(guest_);
  }

  void waitFor(const Migration& migration, const std::string& phase) const {
    if (phase == "Migrating" || phase == "SwitchOver") migration.waitCopying(guest_, source_);
    if (phase == "SwitchOver") {
      require(eventually(180s, [&] { return bytesToCopy(source_, guest_).value_or(1e9) < 12e6; }),
              "the copy does not come to its end");
    } else if (phase != "Migrating") {
      migration.waitPhase(phase);
    }
  }

  Guest guest_;
  std::string source_;
  std::string target_;
};

TEST_P(Fault, EndsAsDefined) {
  const Cell& cell = GetParam();
  // About 90 MiB have to go over.
  const auto migration = Migration::create(
      guest_.name,
      {{"targetHostName", target_},
       {"policy",
        {{"maxAttempts", 1}, {"unplugTimeoutSeconds", 20}, {"bandwidthMiBPerSecond", 3}}}});
  waitFor(migration, cell.phase);
  cell.act({guest_, source_, target_, &migration});
  const Json ended = migration.waitEnd(300s);
  EXPECT_EQ(ended.at("status").at("phase"), cell.ends) << ended.at("status");

  const std::string& end = cell.moved ? target_ : source_;
  if (cell.leaves == Leaves::Off) {
    EXPECT_EQ(lab({"where", guest_.name}), "") << "nobody may start it but its owner";
    lab({"virsh", end, "start", guest_.name});
    EXPECT_TRUE(answers(guest_, 180s));
  }
  expectSettled(guest_, end);
}

INSTANTIATE_TEST_SUITE_P(Lab, Fault, testing::ValuesIn(kCells), [](const auto& cell) {
  return fmt::format("{}In{}", cell.param.fault, cell.param.phase);
});

}  // namespace
}  // namespace vnic::lab
