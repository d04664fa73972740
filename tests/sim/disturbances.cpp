// SPDX-License-Identifier: Apache-2.0
#include "sim/disturbances.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "hypervisor/error_code.h"
#include "support/fake_hypervisor_errors.h"

namespace vnic::sim {
namespace {

using namespace std::chrono_literals;

using Act = std::function<void(World&)>;

// Draws one disturbance. What it needs of chance it draws now, so that leaving out another one
// changes nothing of it.
class Draw {
 public:
  Draw(Random& random, const World& world) : random_(random), world_(world) {}

  Disturbance one() {
    static const std::vector<Disturbance (Draw::*)()> kKinds{
        &Draw::migrate,        &Draw::migrate,     &Draw::migrate,      &Draw::migrate,
        &Draw::cancel,         &Draw::remove,      &Draw::guest,        &Draw::copyFate,
        &Draw::copyFate,       &Draw::crash,       &Draw::crash,        &Draw::crashAfterEffects,
        &Draw::secondOperator, &Draw::apiFault,    &Draw::apiFault,     &Draw::hostFault,
        &Draw::hostFault,      &Draw::deafCache,   &Draw::brokenWatch,  &Draw::compaction,
        &Draw::apiAway,        &Draw::powerCycle,  &Draw::hang,         &Draw::hang,
        &Draw::restartDaemon,  &Draw::killQemu,    &Draw::partition,    &Draw::pfDown,
        &Draw::attachFails,    &Draw::networkDown, &Draw::availability, &Draw::vfCount,
        &Draw::stranger,       &Draw::reboot,      &Draw::detachedVnic, &Draw::lateEject};
    return (this->*random_.oneOf(kKinds))();
  }

 private:
  Duration when() { return random_.between(1s, 240s); }
  std::string host() { return random_.oneOf(world_.hostNames); }
  VmInfo vm() { return random_.oneOf(world_.vms); }
  std::size_t anyProcess() { return random_.below(2); }
  std::string anyMigration() { return fmt::format("m{}", random_.below(8)); }

  static OperatorProcess* process(World& world, std::size_t index) {
    if (world.operators.empty()) return nullptr;
    return world.operators[index % world.operators.size()].get();
  }

  Disturbance migrate() {
    const std::string name = anyMigration();
    const std::string vmName = vm().name;
    api::VmMigrationSpec spec;
    if (random_.percent(40)) spec.targetHostName = host();
    spec.policy.maxAttempts = random_.between(1, 3);
    spec.policy.attachTimeoutSeconds = random_.between(5, 120);
    spec.priority = random_.between(0, 3);
    if (random_.percent(5)) spec.mode = "DryRun";
    if (random_.percent(10)) spec.ttlSecondsAfterFinished = 60;
    return {when(), fmt::format("migrate {} as {}", vmName, name), [=](World& w) {
              if (!w.migration(name)) w.addMigration(name, vmName, spec);
            }};
  }

  Disturbance cancel() {
    const std::string name = anyMigration();
    return {when(), "cancel " + name, [=](World& w) {
              const auto m = w.migration(name);
              if (!m || m->spec.cancel || m->metadata.deleting()) return;
              w.server.edit<api::VmMigration>(m->metadata.key(),
                                              [](auto& spec) { spec.cancel = true; });
            }};
  }

  Disturbance remove() {
    const std::string name = anyMigration();
    return {when(), "delete " + name, [=](World& w) {
              (void)w.server.remove(api::VmMigration::resource, {World::kNamespace, name}, {});
            }};
  }

  Disturbance guest() {
    const VmInfo info = vm();
    const Guest kind = random_.percent(50) ? Guest::Slow : Guest::Deaf;
    const Duration lasts = random_.between(5s, 60s);
    return {when(), fmt::format("{} is {}", info.name, kind == Guest::Slow ? "slow" : "deaf"),
            [=](World& w) {
              w.fleet.setGuest(info.uuid, kind);
              w.agenda.in(lasts, [&w, info] { w.fleet.setGuest(info.uuid, Guest::Quick); });
            }};
  }

  Disturbance lateEject() {
    const VmInfo info = vm();
    return {when(), info.name + " lets go of what it was asked for", [=](World& w) {
              for (const std::string& name : w.hostNames) {
                w.fleet.hosts.ejectIfRunning(name, info.uuid);
              }
            }};
  }

  Disturbance reboot() {
    Disturbance d = lateEject();
    d.what = "a guest reboots";
    return d;
  }

  Disturbance copyFate() {
    static const std::vector<Copy> kFates{Copy::Stalls, Copy::Fails, Copy::CallerLost};
    const Copy fate = random_.oneOf(kFates);
    const auto time = std::chrono::milliseconds(random_.between(500, 60000));
    return {when(), fmt::format("the next copy has fate {}", static_cast<int>(fate)),
            [=](World& w) {
              w.fleet.nextCopy = fate;
              w.fleet.copyTime = time;
            }};
  }

  Disturbance crash() {
    const Duration away = random_.between(100ms, 20s);
    return {when(), "the operator dies", [=](World& w) {
              w.restartAfter = away;
              w.killOperators();
            }};
  }

  Disturbance crashAfterEffects() {
    const int effects = random_.between(1, 12);
    return {when(), fmt::format("the operator dies after {} more effects", effects), [=](World& w) {
              if (OperatorProcess* p = process(w, 0)) p->killAfter(effects);
            }};
  }

  Disturbance secondOperator() {
    const Duration lasts = random_.between(2s, 40s);
    return {when(), "a second operator", [=](World& w) {
              if (w.operators.empty() || w.operators.size() > 1) return;
              w.startOperator();
              const int old = w.operators.front()->number();
              w.agenda.in(lasts, [&w, old] {
                for (auto& p : w.operators) {
                  if (p->number() == old) p->kill();
                }
              });
            }};
  }

  Disturbance apiFault() {
    static const std::vector<LineFault> kFaults{LineFault::Lost, LineFault::AnswerLost,
                                                LineFault::Conflict};
    const LineFault fault = random_.oneOf(kFaults);
    const int number = random_.between(1, 3);
    const std::size_t which = anyProcess();
    return {when(), fmt::format("{} writes with fault {}", number, static_cast<int>(fault)),
            [=](World& w) {
              OperatorProcess* p = process(w, which);
              for (int i = 0; p && i < number; ++i) p->api().fail(fault);
            }};
  }

  Disturbance hostFault() {
    const LineFault fault = random_.percent(50) ? LineFault::Lost : LineFault::AnswerLost;
    const std::string name = host();
    const std::size_t which = anyProcess();
    return {when(),
            fmt::format("the next change on {} {}", name,
                        fault == LineFault::Lost ? "is lost" : "has no answer"),
            [=](World& w) {
              if (OperatorProcess* p = process(w, which)) p->hosts.fail(name, fault);
            }};
  }

  Disturbance deafCache() {
    const std::size_t informer = random_.below(5);
    const Duration lasts = random_.between(100ms, 20s);
    const std::size_t which = anyProcess();
    return {when(), fmt::format("cache {} hears nothing", informer), [=](World& w) {
              if (OperatorProcess* p = process(w, which)) p->deafen(informer, lasts);
            }};
  }

  Disturbance brokenWatch() {
    const std::size_t which = anyProcess();
    return {when(), "watches break", [=](World& w) {
              if (OperatorProcess* p = process(w, which)) p->breakWatches();
            }};
  }

  Disturbance compaction() {
    return {when(), "the past is compacted", [](World& w) { w.server.compact(); }};
  }

  Disturbance apiAway() {
    const Duration lasts = random_.between(1s, 40s);
    return {when(), "the API server is away", [=](World& w) {
              w.serverAway = true;
              w.agenda.in(lasts, [&w] { w.serverAway = false; });
            }};
  }

  Disturbance powerCycle() {
    const std::string name = host();
    const Duration lasts = random_.between(10s, 200s);
    return {when(), name + " loses power", [=](World& w) {
              w.fleet.powerOff(name);
              w.agenda.in(lasts, [&w, name] { w.fleet.hosts.powerOn(name); });
            }};
  }

  Disturbance hang() {
    const std::string name = host();
    const Duration lasts = random_.between(1s, 80s);
    return {when(), name + "'s daemon hangs", [=](World& w) {
              w.fleet.hang(name);
              w.agenda.in(lasts, [&w, name] { w.fleet.hosts.setHung(name, false); });
            }};
  }

  Disturbance restartDaemon() {
    const std::string name = host();
    return {when(), name + "'s daemon restarts", [=](World& w) {
              if (!w.fleet.hosts.away(name) && !w.fleet.hosts.hung(name)) {
                w.fleet.restartDaemon(name);
              }
            }};
  }

  Disturbance killQemu() {
    const std::string name = host();
    const VmInfo info = vm();
    return {when(), fmt::format("{}'s QEMU on {} dies", info.name, name), [=](World& w) {
              if (!w.fleet.hosts.hung(name)) w.fleet.hosts.killQemu(name, info.uuid);
            }};
  }

  Disturbance partition() {
    const Duration lasts = random_.between(28s, 60s);
    return {when(), "hosts do not reach each other", [=](World& w) { w.fleet.partition(lasts); }};
  }

  Disturbance pfDown() {
    const std::string name = host();
    const std::size_t pf = random_.below(2);
    const Duration lasts = random_.between(5s, 120s);
    return {when(), "a PF of " + name + " goes down", [=](World& w) {
              auto& pfs = w.fleet.hosts.facts(name).physicalFunctions;
              pfs[pf % pfs.size()].linkUp = false;
              w.agenda.in(lasts, [&w, name, pf] {
                auto& again = w.fleet.hosts.facts(name).physicalFunctions;
                again[pf % again.size()].linkUp = true;
              });
            }};
  }

  // For example the limit of locked memory; seen as an internal error.
  Disturbance attachFails() {
    const int number = random_.between(1, 6);
    return {when(), fmt::format("{} attaches fail", number), [=](World& w) {
              for (int i = 0; i < number; ++i) {
                w.fleet.hosts.failNext(test::Operation::Attach,
                                       test::libvirtError(hypervisor::kInternalError,
                                                          "unable to execute QEMU command "
                                                          "'device_add'"));
              }
            }};
  }

  Disturbance networkDown() {
    const std::string name = host();
    const Duration lasts = random_.between(5s, 120s);
    return {when(), "the standby network of " + name + " stops", [=](World& w) {
              w.fleet.hosts.facts(name).networks.at(0).active = false;
              w.agenda.in(lasts,
                          [&w, name] { w.fleet.hosts.facts(name).networks.at(0).active = true; });
            }};
  }

  Disturbance availability() {
    const std::string name = host();
    const bool back = random_.percent(40);
    return {when(), fmt::format("{} is {}", name, back ? "Enabled" : "NoInbound"),
            [=](World& w) { w.setAvailability(name, back ? "Enabled" : "NoInbound"); }};
  }

  // The kernel refuses to change their number while one is in use; those that nobody has vanish.
  Disturbance vfCount() {
    const std::string name = host();
    const Duration lasts = random_.between(5s, 120s);
    return {when(), "unused VFs of " + name + " vanish", [=](World& w) {
              auto& pf = w.fleet.hosts.facts(name).physicalFunctions.at(0);
              std::set<PciAddress> used;
              for (const auto& [where, domain] : w.fleet.hosts.allDomains()) {
                if (where != name) continue;
                for (const std::string& xml : {domain.liveXml, domain.persistentXml}) {
                  if (xml.empty()) continue;
                  const auto parsed = domain::parseDomain(xml);
                  for (const auto& nic : parsed->hostdevs) used.insert(nic.source);
                }
              }
              const auto all = pf.virtualFunctions;
              std::erase_if(pf.virtualFunctions,
                            [&](const auto& vf) { return !used.contains(vf.address); });
              w.agenda.in(lasts, [&w, name, all] {
                auto& again = w.fleet.hosts.facts(name).physicalFunctions.at(0);
                if (again.virtualFunctions.size() < all.size()) again.virtualFunctions = all;
              });
            }};
  }

  // Somebody outside starts a VM with a VF that nobody has reserved.
  Disturbance stranger() {
    const std::string name = host();
    const Duration lasts = random_.between(5s, 100s);
    return {when(), "a stranger takes a VF of " + name, [=](World& w) {
              const std::string uuid = w.addStrangerOnFreeVf(name);
              if (uuid.empty()) return;
              w.agenda.in(lasts, [&w, name, uuid] { w.fleet.hosts.remove(name, uuid); });
            }};
  }

  Disturbance detachedVnic() {
    const VmInfo info = vm();
    const std::string vnic = random_.oneOf(info.nics).vnic;
    const Duration lasts = random_.between(1s, 60s);
    const auto want = [vnic](World& w, const char* state) {
      w.server.edit<api::Vnic>({World::kNamespace, vnic},
                               [&](auto& spec) { spec.desiredState = state; });
    };
    return {when(), "a person takes out " + vnic, [=](World& w) {
              w.takenOut.insert(vnic);
              want(w, "Detached");
              w.agenda.in(lasts, [&w, want] { want(w, "Attached"); });
            }};
  }

  Random& random_;
  const World& world_;
};

}  // namespace

std::vector<Disturbance> drawDisturbances(Random& random, const World& world, int number) {
  std::vector<Disturbance> all;
  for (int i = 0; i < number; ++i) all.push_back(Draw(random, world).one());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return all;
}

}  // namespace vnic::sim
