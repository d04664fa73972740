// SPDX-License-Identifier: Apache-2.0
// The whole of it in one thread and in virtual time: an API server, hosts with VMs, and processes
// of the operator. The same seed gives the same history. Promises (invariants.cpp) are checked
// after every step and every effect.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/agenda.h"
#include "sim/fleet.h"
#include "sim/operator_process.h"
#include "sim/random.h"
#include "support/fake_kube_client.h"
#include "support/manual_clock.h"

namespace vnic::sim {

struct NicInfo {
  std::string mac;
  std::string vnic;  // name of the Vnic
  std::string guestAddress;
};

struct VmInfo {
  std::string name;
  std::string uuid;
  std::vector<NicInfo> nics;
  bool autostart = false;
  std::string startedOn;
};

// Whose turn it is among what could happen now.
enum class Order {
  Tidy,    // caches first, then passes, always in the same order
  Random,  // the seed decides, also whether others get on in the middle of a pass
};

class World {
 public:
  static constexpr char kNamespace[] = "team-a";
  static constexpr char kOperatorNamespace[] = "vnic-operator-system";

  explicit World(std::uint64_t seed = 1, Order order = Order::Tidy);

  // ---- to set it up ---------------------------------------------------------------------------
  void addHost(const std::string& name, int vfs = 4);
  // Two PFs: the second carries the network as well, its VFs are 0000:02:...
  void addHostWithTwoPfs(const std::string& name, int vfs = 2);
  const VmInfo& addVm(const std::string& name, const std::string& host, int nics = 1,
                      bool failover = true, bool autostart = false);
  // A VM that no object names, with a VF if there is one free.
  void addStranger(const std::string& host, bool withVf);
  // One of another namespace with the name of a VM of ours.
  void addNamesake(const std::string& host, const std::string& vm);
  // One on a VF that nobody has and nobody has reserved; its uuid, "" = there is none.
  std::string addStrangerOnFreeVf(const std::string& host);
  std::vector<PciAddress> unusedVfs(const std::string& host) const;  // that no VM has
  void setAvailability(const std::string& host, const std::string& availability);
  void addMigration(const std::string& name, const std::string& vm, api::VmMigrationSpec spec = {});
  void startOperator();
  void killOperators();  // the next step has none; startOperator() is up to the caller

  // ---- to run it ------------------------------------------------------------------------------
  bool step();  // false: a promise is broken, or nothing will ever happen again
  bool run(const std::function<bool()>& until, Duration limit);
  // Until everything is as it has to be in the end; false, with `violation` set, when it is not
  // after `limit`.
  bool settle(Duration limit = std::chrono::minutes(40));
  // With everything as it has to be: looking again must change nothing.
  void checkAtRest();
  // A person mends what is broken.
  void heal();
  // As soon as it is so, once.
  void when(std::function<bool()> isSo, std::function<void()> action) {
    triggers_.emplace_back(std::move(isSo), std::move(action));
  }
  void pullTriggers();
  // As soon as it is in that phase, or in a later one: an operator that dies between an effect and
  // the status that tells of it leaves a phase out. An end is meant as it is.
  void whenPhase(const std::string& migration, const std::string& phase,
                 std::function<void()> action);
  void whenGoingBack(const std::string& migration, std::function<void()> action);

  // ---- to look at it --------------------------------------------------------------------------
  const VmInfo& vm(const std::string& name) const;
  std::optional<api::VmMigration> migration(const std::string& name);
  std::string phase(const std::string& migration);
  std::string reason(const std::string& migration);
  std::string whereRuns(const std::string& vm) const;  // "" = nowhere, "host1+host2" = twice
  std::string liveVf(const std::string& host, const std::string& vm, std::size_t nic = 0) const;
  std::string definedVf(const std::string& host, const std::string& vm, std::size_t nic = 0) const;
  // Why it is not as it has to be in the end, "" = it is.
  std::string unsettled();
  std::string history() const;  // the trace's last lines
  const std::vector<std::string>& events() const { return events_; }

  // ---- for the lines and processes ------------------------------------------------------------
  void duringCall(OperatorProcess& process, Duration duration);
  void trace(const OperatorProcess& process, const std::string& what);
  void note(const std::string& what);
  void onEvent(const runtime::Event& event);
  void checkBefore(const OperatorProcess& process, const HostChange& change);
  void checkNow();
  // What a pass for that migration asked of the API server.
  void countCalls(const api::ObjectKey& migration, const ApiCalls& calls);
  std::string nameOf(const std::string& uuid) const;
  std::uint64_t latestOf(std::size_t informer) const;
  void breaks(const std::string& promise);

  test::ManualClock clock;
  Agenda agenda{clock};
  Fleet fleet{clock, agenda};
  test::FakeKubeClient server;
  Random random;
  Order order;
  std::vector<std::unique_ptr<OperatorProcess>> operators;
  std::vector<VmInfo> vms;
  std::vector<std::string> hostNames;
  std::string violation;           // the first broken promise
  std::set<std::string> takenOut;  // Vnics that a person detached: they come back at any place
  std::uint64_t steps = 0;
  std::uint64_t apiCalls = 0;                       // so far
  ApiCalls callsOfPass;                             // of the pass that is under way
  ApiCalls mostCalls;                               // of one migration
  bool serverAway = false;                          // the API server answers nobody
  bool twoOperators = false;                        // there were, at some time
  Duration restartAfter = std::chrono::seconds(1);  // a process that died

 private:
  std::string addStrangerOn(const std::string& host, const std::string& vf,
                            const std::string& name = "");
  void whenMigration(const std::string& name, std::function<bool(const api::VmMigration&)> isSo,
                     std::function<void()> action);
  void addHostObject(const std::string& name, std::vector<api::PhysicalFunctionSpec> pfs);
  void buryTheDead();
  std::string vmUnsettled(const VmInfo& vm);
  std::string nicUnsettled(const VmInfo& vm, const NicInfo& nic, const std::string& host,
                           std::vector<std::string>& expectedReservations);
  std::string migrationsUnsettled();
  void checkAttach(const HostChange& change);
  void checkDetach(const OperatorProcess& process, const HostChange& change);
  void checkRunningTwice();
  void checkVfs();
  const VmInfo* ours(const std::string& uuid) const;

  int lastProcess_ = 0;
  int strangers_ = 0;
  int depth_ = 0;
  std::vector<std::pair<std::function<bool()>, std::function<void()>>> triggers_;
  std::deque<std::string> trace_;
  std::vector<std::string> events_;
  std::uint64_t checkedChanges_ = 0;
  MonoTime moved_{};    // the moment of the last step
  int stepsSince_ = 0;  // in the same moment
  std::map<std::string, MonoTime> twiceSince_;
  std::set<std::string> twice_;               // VMs with two running copies
  std::map<api::ObjectKey, ApiCalls> calls_;  // by migration
  std::map<std::tuple<int, std::string, std::string, std::string>, MonoTime>
      unplugAsked_;  // by process, host, VM, MAC
};

}  // namespace vnic::sim
