// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string_view>
#include <utility>

#include "api/names.h"
#include "domain/domain_xml.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTraceLines = 4000;
constexpr int kOthersInBetween = 15;  // percent of calls
constexpr int kMaxDepth = 2;
constexpr int kMostStepsAtOnce = 5000;

// In the order of app::Caches::all().
constexpr std::array<const api::ResourceType*, 5> kInformed{
    &api::VnicProfile::resource, &api::VmHost::resource, &api::Vnic::resource,
    &api::VmMigration::resource, &api::VfReservation::resource};

// The phases that a migration goes through one after the other.
constexpr std::array<std::string_view, 5> kWay{"Pending", "Reserving", "Detaching", "Migrating",
                                               "Attaching"};

bool hasReached(const std::string& phase, const std::string& wanted) {
  const auto place = std::find(kWay.begin(), kWay.end(), wanted);
  if (phase.empty() || place == kWay.end()) return phase == wanted;
  return std::find(kWay.begin(), place, phase) == place;  // not before it
}

}  // namespace

World::World(std::uint64_t seed, Order o) : random(seed), order(o) {
  server.wall = [this] { return clock.wall(); };
  fleet.hosts.setEventHandler([this](const hypervisor::HypervisorEvent& event) {
    // Measured at a remote client: 20 to 130 ms.
    const Duration after = order == Order::Random ? random.between(20ms, 130ms) : Duration(50ms);
    agenda.in(after, [this, event] {
      for (auto& process : operators) {
        if (process->alive()) process->onHypervisorEvent(event);
      }
    });
  });
  api::VnicProfile standby;
  standby.metadata.name = "blue-standby";
  standby.spec.network = "tenant-blue";
  server.add(standby);
  api::VnicProfile blue;
  blue.metadata.name = "blue";
  blue.spec.network = "tenant-blue";
  blue.spec.passthrough = true;
  blue.spec.failover = "blue-standby";
  server.add(blue);
  api::VnicProfile plain = blue;
  plain.metadata.name = "plain";
  plain.spec.failover.clear();
  server.add(plain);
}

void World::addHostObject(const std::string& name, std::vector<api::PhysicalFunctionSpec> pfs) {
  const std::string uri = "qemu+tls://" + name + "/system";
  fleet.hosts.setHost(name, uri);
  api::VmHost host;
  host.metadata.name = name;
  host.spec.libvirtURI = uri;
  host.spec.physicalFunctions = std::move(pfs);
  server.add(host);
  hostNames.push_back(name);
}

void World::addHost(const std::string& name, int vfs) {
  fleet.hosts.addHost(name, vfs);
  addHostObject(name, {{"enp1s0", {"tenant-blue"}}});
}

void World::addHostWithTwoPfs(const std::string& name, int vfs) {
  fleet.hosts.addHost(name, vfs);
  auto& pfs = fleet.hosts.facts(name).physicalFunctions;
  hypervisor::PhysicalFunction second = pfs.at(0);
  second.address.bus = 2;
  second.netdev = "enp2s0";
  for (auto& vf : second.virtualFunctions) {
    vf.address.bus = 2;
    vf.iommuGroup += 100;
  }
  pfs.push_back(second);
  addHostObject(name, {{"enp1s0", {"tenant-blue"}}, {"enp2s0", {"tenant-blue"}}});
}

const VmInfo& World::addVm(const std::string& name, const std::string& host, int nics,
                           bool failover, bool autostart) {
  const int number = static_cast<int>(vms.size()) + 1;
  VmInfo info;
  info.name = name;
  info.uuid = fmt::format("{0:08x}-1111-1111-1111-111111111111", number);
  info.autostart = autostart;
  info.startedOn = host;
  test::VmShape shape;
  shape.name = name;
  shape.uuid = info.uuid;
  shape.vnicNamespace = kNamespace;
  const auto free = unusedVfs(host);
  for (int i = 0; i < nics; ++i) {
    test::VmNic nic;
    nic.mac = fmt::format("52:54:00:cc:{:02x}:{:02x}", number, i + 1);
    nic.vf = free.at(static_cast<std::size_t>(i)).str();
    nic.vfAlias = fmt::format("ua-vf{}", i);
    nic.guestAddress = fmt::format("0000:{:02x}:00.0", 5 + i);
    nic.teaming = failover;
    if (failover) {
      nic.network = "tenant-blue";
      nic.standbyAlias = fmt::format("ua-standby{}", i);
    }
    shape.nics.push_back(nic);
    api::Vnic vnic;
    vnic.metadata.ns = kNamespace;
    vnic.metadata.name = fmt::format("{}-{}", name, i);
    vnic.spec.vmName = name;
    vnic.spec.profile = failover ? "blue" : "plain";
    vnic.spec.macAddress = nic.mac;
    server.add(vnic);
    info.nics.push_back({nic.mac, vnic.metadata.name, nic.guestAddress});
  }
  fleet.hosts.addVm(host, shape);
  if (autostart) (void)fleet.hosts.setAutostart(host, info.uuid, true);
  vms.push_back(info);
  return vms.back();
}

std::vector<PciAddress> World::unusedVfs(const std::string& host) const {
  std::set<PciAddress> used;
  for (const auto& [where, domain] : fleet.hosts.allDomains()) {
    if (where != host) continue;
    for (const std::string& xml : {domain.liveXml, domain.persistentXml}) {
      if (xml.empty()) continue;
      const auto parsed = domain::parseDomain(xml);
      for (const auto& nic : parsed->hostdevs) used.insert(nic.source);
    }
  }
  std::vector<PciAddress> unused;
  for (const auto& pf :
       const_cast<test::FakeHypervisor&>(fleet.hosts).facts(host).physicalFunctions) {
    for (const auto& vf : pf.virtualFunctions) {
      if (!used.contains(vf.address)) unused.push_back(vf.address);
    }
  }
  return unused;
}

std::string World::addStrangerOn(const std::string& host, const std::string& vf,
                                 const std::string& name) {
  const int number = ++strangers_;
  test::VmShape shape;
  shape.name = name.empty() ? fmt::format("stranger{}", number) : name;
  shape.uuid = fmt::format("{:08x}-9999-9999-9999-999999999999", number);
  shape.vnicNamespace = "elsewhere";
  if (!vf.empty()) {
    test::VmNic nic;
    nic.mac = fmt::format("52:54:00:99:00:{:02x}", number);
    nic.vf = vf;
    nic.vfAlias = "ua-theirs";
    nic.guestAddress = "0000:05:00.0";
    nic.teaming = false;
    shape.nics.push_back(nic);
  }
  fleet.hosts.addVm(host, shape);
  return shape.uuid;
}

void World::addStranger(const std::string& host, bool withVf) {
  addStrangerOn(host, withVf ? unusedVfs(host).back().str() : "");
}

void World::addNamesake(const std::string& host, const std::string& vmName) {
  addStrangerOn(host, "", vmName);
}

std::string World::addStrangerOnFreeVf(const std::string& host) {
  for (const PciAddress& vf : unusedVfs(host)) {
    if (!server.find<api::VfReservation>({"", api::VfReservation::nameFor(host, vf.str())})) {
      return addStrangerOn(host, vf.str());
    }
  }
  return "";
}

void World::setAvailability(const std::string& host, const std::string& availability) {
  server.edit<api::VmHost>({"", host}, [&](auto& spec) { spec.availability = availability; });
}

void World::addMigration(const std::string& name, const std::string& vmName,
                         api::VmMigrationSpec spec) {
  api::VmMigration m;
  m.metadata.ns = kNamespace;
  m.metadata.name = name;
  m.spec = std::move(spec);
  m.spec.vmName = vmName;
  calls_.erase(server.add(m).metadata.key());
  note(fmt::format("a person creates migration {} of {}", name, vmName));
}

void World::startOperator() {
  operators.push_back(std::make_unique<OperatorProcess>(*this, ++lastProcess_));
  const auto alive = std::count_if(operators.begin(), operators.end(),
                                   [](const auto& process) { return process->alive(); });
  if (alive > 1) twoOperators = true;
  trace(*operators.back(), "starts");
}

void World::killOperators() {
  for (auto& process : operators) process->kill();
}

void World::buryTheDead() {
  const bool died = std::any_of(operators.begin(), operators.end(),
                                [](const auto& process) { return !process->alive(); });
  if (!died) return;
  std::erase_if(operators, [](const auto& process) { return !process->alive(); });
  if (!operators.empty()) return;
  agenda.in(restartAfter, [this] {
    if (operators.empty()) startOperator();
  });
}

bool World::step() {
  if (!violation.empty()) return false;
  ++steps;
  if (clock.now() != moved_) {
    moved_ = clock.now();
    stepsSince_ = 0;
  } else if (++stepsSince_ > kMostStepsAtOnce) {
    breaks("goes round and round while no time passes");
    return false;
  }
  pullTriggers();
  buryTheDead();
  if (agenda.runOne()) {
    checkNow();
    return violation.empty();
  }
  std::vector<std::pair<OperatorProcess*, OperatorProcess::Ready>> choices;
  for (auto& process : operators) {
    for (const auto& ready : process->ready()) choices.emplace_back(process.get(), ready);
  }
  if (!choices.empty()) {
    const auto& [process, what] =
        choices[order == Order::Random ? random.below(choices.size()) : 0];
    process->run(what);
    checkNow();
    return violation.empty();
  }
  std::optional<MonoTime> next = agenda.next();
  for (const auto& process : operators) {
    const auto time = process->nextReady();
    if (time && (!next || *time < *next)) next = time;
  }
  if (!next) return false;
  if (*next > clock.now()) clock.advance(*next - clock.now());
  return true;
}

void World::pullTriggers() {
  for (std::size_t i = 0; i < triggers_.size(); ++i) {
    if (!triggers_[i].first()) continue;
    const auto action = std::move(triggers_[i].second);
    triggers_.erase(triggers_.begin() + static_cast<std::ptrdiff_t>(i));
    action();
    return;
  }
}

// The object is decoded only when a migration was written since.
void World::whenMigration(const std::string& name,
                          std::function<bool(const api::VmMigration&)> isSo,
                          std::function<void()> action) {
  when(
      [this, name, isSo = std::move(isSo), seen = std::uint64_t{0}, is = false]() mutable {
        const std::uint64_t now = server.versionOf(api::VmMigration::resource);
        if (now != seen) {
          const auto m = migration(name);
          is = m && isSo(*m);
        }
        seen = now;
        return is;
      },
      std::move(action));
}

void World::whenPhase(const std::string& name, const std::string& wanted,
                      std::function<void()> action) {
  whenMigration(
      name, [wanted](const auto& m) { return hasReached(m.status.phase, wanted); },
      std::move(action));
}

void World::whenGoingBack(const std::string& name, std::function<void()> action) {
  whenMigration(
      name, [](const auto& m) { return m.status.attempt && m.status.attempt->direction == "Back"; },
      std::move(action));
}

// Time passes while a process waits for an answer, and in a random world others get on: other
// controllers of the same process, and other processes.
void World::duringCall(OperatorProcess& process, Duration duration) {
  agenda.pass(duration);
  if (order != Order::Random || depth_ >= kMaxDepth || !random.percent(kOthersInBetween)) return;
  std::vector<std::pair<OperatorProcess*, OperatorProcess::Ready>> choices;
  for (auto& other : operators) {
    for (const auto& ready : other->ready()) choices.emplace_back(other.get(), ready);
  }
  if (choices.empty()) return;
  const auto [other, what] = choices[random.below(choices.size())];
  ++depth_;
  ++steps;
  other->run(what);
  --depth_;
  if (process.alive()) checkNow();
}

bool World::run(const std::function<bool()>& until, Duration limit) {
  const MonoTime end = clock.now() + limit;
  while (!until()) {
    if (clock.now() > end || !step()) return false;
  }
  return true;
}

bool World::settle(Duration limit) {
  const MonoTime end = clock.now() + limit;
  std::string why;
  MonoTime looked{};
  while (true) {
    // Looking is not free; once every virtual second is enough.
    if (clock.now() - looked >= 1s) {
      looked = clock.now();
      pullTriggers();
      why = unsettled();
      if (why.empty()) return true;
    }
    if (clock.now() > end) {
      breaks("not settled: " + why);
      return false;
    }
    if (!step()) {
      if (violation.empty()) breaks("nothing moves any more: " + why);
      return false;
    }
  }
}

void World::checkAtRest() {
  // What was still on its way comes to rest first.
  const MonoTime rest = clock.now() + 2min;
  while (clock.now() < rest && step()) {
  }
  if (!violation.empty()) return;
  const std::uint64_t version = server.version();
  const std::uint64_t changes = fleet.hosts.changes();
  const std::uint64_t calls = apiCalls;
  server.forgetWrites();
  const MonoTime end = clock.now() + 3min;
  for (auto& process : operators) process->lookAtEverything();
  while (clock.now() < end && step()) {
  }
  if (!violation.empty()) return;
  if (server.version() != version || fleet.hosts.changes() != changes) {
    return breaks(fmt::format("at rest, and yet something was written: {}",
                              fmt::join(server.writes(), ", ")));
  }
  if (apiCalls != calls) {
    breaks(fmt::format("at rest, and yet the API server was asked {} times", apiCalls - calls));
  }
}

void World::trace(const OperatorProcess& process, const std::string& what) {
  note(fmt::format("operator {}: {}", process.number(), what));
}

void World::note(const std::string& what) {
  if (trace_.size() >= kTraceLines) trace_.pop_front();
  const auto seconds = std::chrono::duration<double>(clock.now().time_since_epoch() - 1h).count();
  trace_.push_back(fmt::format("{:10.3f} {}", seconds, what));
}

std::string World::history() const {
  return fmt::format("{}", fmt::join(trace_, "\n"));
}

void World::onEvent(const runtime::Event& event) {
  events_.push_back(event.reason);
  note(fmt::format("event {} {}: {} {}", event.regarding.kind, event.regarding.name, event.reason,
                   event.note));
}

void World::breaks(const std::string& promise) {
  if (!violation.empty()) return;
  violation = promise;
  note("BROKEN: " + promise);
}

std::uint64_t World::latestOf(std::size_t informer) const {
  return server.versionOf(*kInformed.at(informer));
}

const VmInfo* World::ours(const std::string& uuid) const {
  const auto found =
      std::find_if(vms.begin(), vms.end(), [&](const VmInfo& vm) { return vm.uuid == uuid; });
  return found == vms.end() ? nullptr : &*found;
}

std::string World::nameOf(const std::string& uuid) const {
  const VmInfo* info = ours(uuid);
  return info ? info->name : uuid;
}

const VmInfo& World::vm(const std::string& name) const {
  return *std::find_if(vms.begin(), vms.end(), [&](const VmInfo& v) { return v.name == name; });
}

std::optional<api::VmMigration> World::migration(const std::string& name) {
  return server.find<api::VmMigration>({kNamespace, name});
}

std::string World::phase(const std::string& name) {
  const auto m = migration(name);
  return m ? m->status.phase : "";
}

std::string World::reason(const std::string& name) {
  const auto m = migration(name);
  const auto* ready =
      m ? api::findCondition(m->status.conditions, api::condition::kReady) : nullptr;
  return ready ? ready->reason : "";
}

std::string World::whereRuns(const std::string& name) const {
  return fmt::format("{}", fmt::join(fleet.hosts.runsOn(vm(name).uuid), "+"));
}

namespace {

std::string vfIn(const std::string& xml, const std::string& mac) {
  if (xml.empty()) return {};
  const auto description = domain::parseDomain(xml);
  if (!description) return {};
  for (const auto& nic : description->hostdevs) {
    if (nic.mac == mac) return nic.source.str();
  }
  return {};
}

}  // namespace

std::string World::liveVf(const std::string& host, const std::string& name, std::size_t nic) const {
  const VmInfo& info = vm(name);
  for (const auto& [where, domain] : fleet.hosts.everywhere(info.uuid)) {
    if (where == host) return vfIn(domain.liveXml, info.nics.at(nic).mac);
  }
  return {};
}

std::string World::definedVf(const std::string& host, const std::string& name,
                             std::size_t nic) const {
  const VmInfo& info = vm(name);
  for (const auto& [where, domain] : fleet.hosts.everywhere(info.uuid)) {
    if (where == host) return vfIn(domain.persistentXml, info.nics.at(nic).mac);
  }
  return {};
}

void World::heal() {
  note("everything is mended");
  fleet.copyTime = 4s;
  fleet.nextCopy = Copy::Through;
  while (operators.size() > 1) operators.pop_back();
  for (const std::string& host : hostNames) {
    fleet.hosts.setHung(host, false);
    fleet.hosts.powerOn(host);
    for (auto& pf : fleet.hosts.facts(host).physicalFunctions) pf.linkUp = true;
    for (auto& network : fleet.hosts.facts(host).networks) network.active = true;
    setAvailability(host, "Enabled");
  }
  for (const VmInfo& info : vms) {
    fleet.setGuest(info.uuid, Guest::Quick);
    // Somebody sees that the VM does not run, and starts it; or that a remnant is left, and ends
    // it.
    const auto look = [this, name = info.name, uuid = info.uuid] {
      if (fleet.hosts.jobOf(uuid) != 0) return;
      const bool runs = !whereRuns(name).empty();
      for (const auto& [host, domain] : fleet.hosts.everywhere(uuid)) {
        if (runs && domain.state == hypervisor::DomainState::Paused) {
          note(fmt::format("a person ends what is left of {} on {}", name, host));
          fleet.hosts.killQemu(host, uuid);
        }
      }
      for (const auto& [host, domain] : fleet.hosts.everywhere(uuid)) {
        if (whereRuns(name).empty() && domain.state == hypervisor::DomainState::ShutOff) {
          const Status started = fleet.hosts.start(host, uuid);
          note(fmt::format("a person starts {} on {}{}", name, host,
                           started ? "" : ": " + started.error().message));
        }
      }
    };
    for (const Duration after : {1min, 3min, 6min}) agenda.in(after, look);
  }
}

}  // namespace vnic::sim
