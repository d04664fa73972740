// SPDX-License-Identifier: Apache-2.0
#include "app/controllers.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/enqueue.h"

namespace vnic::app {
namespace {

using namespace std::chrono_literals;
using reconcile::vm_migration::Observer;

// libvirt's events come in bursts (one for each iteration of a copy), and a read of a whole host is
// not free: so one read serves a burst.
constexpr queue::AddOptions kAfterBurst{.after = 500ms};
// The same for what concerns all profiles: each of them looks at all hosts.
constexpr queue::AddOptions kAllAfterBurst{.after = 500ms, .priority = queue::kPriorityBulk};

Observer observer(const Controllers::Ports& ports, reconcile::vm_host::HostCache& hostCache,
                  const runtime::AgentLeases& agents, const Options& options) {
  const Caches& caches = ports.caches;
  return Observer({caches.migrations.store(), caches.hosts.store(), caches.vnics.store(),
                   caches.profiles.store(), caches.reservations.store(), ports.hypervisor,
                   hostCache, ports.clock, &agents},
                  {options.ns, options.maxParallelMigrations});
}

runtime::Controller::Options controllerOptions(const char* name, int workers,
                                               runtime::TrackingClient& client) {
  runtime::Controller::Options options;
  options.name = name;
  options.workers = workers;
  options.client = &client;
  return options;
}

template <class... Ts>
runtime::TrackingClient::Caches seenBy(const cache::Informer<Ts>&... informers) {
  return {
      {std::string(Ts::resource.plural), [&informers] { return informers.resourceVersion(); }}...};
}

runtime::TrackingClient::Caches seenBy(const Caches& caches) {
  return seenBy(caches.profiles, caches.hosts, caches.vnics, caches.migrations,
                caches.reservations);
}

}  // namespace

Controllers::Controllers(const Options& options, Ports ports)
    : ports_(std::move(ports)),
      hostClient_(ports_.client, seenBy(ports_.caches)),
      profileClient_(ports_.client, seenBy(ports_.caches)),
      vnicClient_(ports_.client, seenBy(ports_.caches)),
      reservationClient_(ports_.client, seenBy(ports_.caches)),
      migrationClient_(ports_.client, seenBy(ports_.caches)),
      hostCache_(ports_.hypervisor, ports_.clock),
      claims_(ports_.client, ports_.clock, options.ns),
      agents_(ports_.client, ports_.clock, options.ns),
      migrationMetrics_(ports_.metrics.registry()),
      hostReconciler_({ports_.caches.hosts.store(), ports_.caches.reservations.store(),
                       ports_.caches.vnics.store(), ports_.caches.profiles.store(),
                       ports_.hypervisor, hostCache_, hostClient_, ports_.clock, ports_.log},
                      {options.ns}),
      migrationReconciler_(
          {migrationClient_, ports_.hypervisor, ports_.caches.migrations.store(),
           [this](const api::ObjectKey& key) { return migrationClient_.caughtUp(key); },
           ports_.caches.vnics.store(), claims_, ports_.events, ports_.leaseTimeLeft, ports_.clock},
          observer(ports_, hostCache_, agents_, options), migrationMetrics_, ports_.log),
      profileReconciler_({ports_.caches.profiles.store(), ports_.caches.vnics.store(),
                          ports_.caches.hosts.store(), ports_.caches.reservations.store(),
                          hostCache_, profileClient_, ports_.clock}),
      vnicSources_{ports_.caches.vnics.store(),
                   ports_.caches.profiles.store(),
                   ports_.caches.hosts.store(),
                   ports_.caches.migrations.store(),
                   ports_.caches.reservations.store(),
                   hostCache_,
                   options.ns},
      vnicReconciler_(
          {vnicSources_,
           {vnicClient_, ports_.hypervisor, hostCache_, ports_.caches.reservations.store(), claims_,
            ports_.events, ports_.leaseTimeLeft, ports_.log},
           ports_.clock},
          {}),
      reservationReconciler_({ports_.caches.reservations.store(), ports_.caches.vnics.store(),
                              ports_.caches.migrations.store(), ports_.caches.hosts.store(),
                              hostCache_, reservationClient_, ports_.events, ports_.leaseTimeLeft,
                              ports_.log, &agents_}),
      hosts_(controllerOptions("vmhost", options.workers, hostClient_), hostReconciler_,
             ports_.clock, ports_.metrics, ports_.log),
      profiles_(controllerOptions("vnicprofile", 1, profileClient_), profileReconciler_,
                ports_.clock, ports_.metrics, ports_.log),
      vnics_(controllerOptions("vnic", options.workers, vnicClient_), vnicReconciler_, ports_.clock,
             ports_.metrics, ports_.log),
      reservations_(controllerOptions("vfreservation", options.workers, reservationClient_),
                    reservationReconciler_, ports_.clock, ports_.metrics, ports_.log),
      migrations_(controllerOptions("vmmigration", options.workers, migrationClient_),
                  migrationReconciler_, ports_.clock, ports_.metrics, ports_.log) {
  wakeHosts();
  wakeMigrations();
  wakeProfiles();
  wakeVnics();
  wakeReservations();
}

void Controllers::wakeHosts() {
  runtime::enqueueSelf(ports_.caches.hosts, hosts_.queue());
  // Who holds which VF is for people to see; a move changes it several times within a moment.
  ports_.caches.reservations.onChange([this](const auto& change) {
    hosts_.queue().add({"", change.object().spec.hostName}, kAfterBurst);
  });
}

void Controllers::wakeMigrations() {
  runtime::enqueueSelf(ports_.caches.migrations, migrations_.queue());
  runtime::enqueueMapped<api::VfReservation>(ports_.caches.reservations, migrations_.queue(),
                                             [](const api::VfReservation& r) {
                                               std::vector<api::ObjectKey> keys;
                                               if (r.spec.migration)
                                                 keys.push_back(r.spec.migration->key());
                                               return keys;
                                             });
  runtime::enqueueMapped<api::Vnic>(
      ports_.caches.vnics, migrations_.queue(), [this](const api::Vnic& vnic) {
        std::vector<api::ObjectKey> keys;
        for (const auto& m : ports_.caches.migrations.store().list()) {
          if (m->metadata.ns == vnic.metadata.ns && m->spec.vmName == vnic.spec.vmName) {
            keys.push_back(m->metadata.key());
          }
        }
        return keys;
      });
  hostCache_.onChange([this](const std::string& host) { migrationsAt(host); });
}

// Those that move from or to the host, and those that wait for any host.
void Controllers::migrationsAt(const std::string& host) {
  for (const auto& m : ports_.caches.migrations.store().list()) {
    if (m->finished()) continue;
    if (m->status.targetHost.empty() || m->status.targetHost == host ||
        m->status.sourceHost == host) {
      migrations_.queue().add(m->metadata.key());
    }
  }
}

// A profile says which hosts can serve it and with how many free VFs, so nearly everything concerns
// all profiles; there are few of them.
void Controllers::wakeProfiles() {
  runtime::enqueueSelf(ports_.caches.profiles, profiles_.queue());
  runtime::enqueueMapped<api::VnicProfile>(
      ports_.caches.profiles, profiles_.queue(), [this](const api::VnicProfile& changed) {
        std::vector<api::ObjectKey> keys;
        if (!changed.spec.failover.empty()) keys.push_back({"", changed.spec.failover});
        for (const auto& p : ports_.caches.profiles.store().list()) {
          if (p->spec.failover == changed.metadata.name) keys.push_back(p->metadata.key());
        }
        return keys;
      });
  runtime::enqueueMapped<api::Vnic>(ports_.caches.vnics, profiles_.queue(),
                                    [](const api::Vnic& vnic) {
                                      return std::vector<api::ObjectKey>{{"", vnic.spec.profile}};
                                    });
  const auto all = [this] {
    for (const auto& p : ports_.caches.profiles.store().list()) {
      profiles_.queue().add(p->metadata.key(), kAllAfterBurst);
    }
  };
  ports_.caches.hosts.onChange([all](const auto& change) {
    if (!change.before || !change.after || !(change.before->spec == change.after->spec)) all();
  });
  ports_.caches.reservations.onChange([all](const auto&) { all(); });
  hostCache_.onChange([all](const std::string&) { all(); });
}

void Controllers::wakeVnics() {
  const auto ofProfile = [this](const std::string& profile) {
    std::vector<api::ObjectKey> keys;
    for (const auto& v : ports_.caches.vnics.store().list()) {
      if (v->spec.profile == profile) keys.push_back(v->metadata.key());
    }
    return keys;
  };
  runtime::enqueueSelf(ports_.caches.vnics, vnics_.queue());
  runtime::enqueueMapped<api::VnicProfile>(
      ports_.caches.profiles, vnics_.queue(), [this, ofProfile](const api::VnicProfile& changed) {
        std::vector<api::ObjectKey> keys = ofProfile(changed.metadata.name);
        for (const auto& p : ports_.caches.profiles.store().list()) {
          if (p->spec.failover != changed.metadata.name) continue;
          for (auto& key : ofProfile(p->metadata.name)) keys.push_back(std::move(key));
        }
        return keys;
      });
  runtime::enqueueMapped<api::VmMigration>(
      ports_.caches.migrations, vnics_.queue(), [this](const api::VmMigration& m) {
        std::vector<api::ObjectKey> keys;
        for (const auto& v : ports_.caches.vnics.store().list()) {
          if (v->metadata.ns == m.metadata.ns && v->spec.vmName == m.spec.vmName) {
            keys.push_back(v->metadata.key());
          }
        }
        return keys;
      });
  runtime::enqueueMapped<api::VfReservation>(
      ports_.caches.reservations, vnics_.queue(),
      [](const api::VfReservation& r) { return std::vector<api::ObjectKey>{r.spec.holder.key()}; });
  hostCache_.onChange([this](const std::string& host) {
    for (const auto& key : reconcile::vnic::vnicsConcernedBy(host, vnicSources_)) {
      vnics_.queue().add(key);
    }
  });
}

void Controllers::wakeReservations() {
  const auto wakeIf = [this](int priority, auto concerned) {
    for (const auto& r : ports_.caches.reservations.store().list()) {
      if (concerned(r->spec)) reservations_.queue().add(r->metadata.key(), {.priority = priority});
    }
  };
  runtime::enqueueSelf(ports_.caches.reservations, reservations_.queue());
  ports_.caches.vnics.onChange([wakeIf](const auto& change) {
    wakeIf(runtime::priorityOf(change),
           [&](const auto& spec) { return spec.holder.key() == change.key(); });
  });
  ports_.caches.migrations.onChange([wakeIf](const auto& change) {
    wakeIf(runtime::priorityOf(change), [&](const auto& spec) {
      return spec.migration && spec.migration->key() == change.key();
    });
  });
  ports_.caches.hosts.onChange([wakeIf](const auto& change) {
    wakeIf(runtime::priorityOf(change),
           [&](const auto& spec) { return spec.hostName == change.key().name; });
  });
  hostCache_.onChange([wakeIf](const std::string& host) {
    wakeIf(queue::kPriorityChange, [&](const auto& spec) { return spec.hostName == host; });
  });
}

void Controllers::listen() {
  ports_.hypervisor.setEventHandler([this](const hypervisor::HypervisorEvent& event) {
    hosts_.queue().add({"", event.host}, kAfterBurst);
    for (const auto& m : ports_.caches.migrations.store().list()) {
      if (!m->finished() && m->status.vmUUID == event.uuid) {
        migrations_.queue().add(m->metadata.key());
      }
    }
  });
}

void Controllers::start() {
  listen();
  hosts_.start();
  profiles_.start();
  vnics_.start();
  reservations_.start();
  migrations_.start();
}

void Controllers::drain(Duration atMost) {
  const MonoTime end = ports_.clock.now() + atMost;
  for (auto* controller : all()) controller->takeNoMore();
  for (auto* controller : all()) controller->drain(end - ports_.clock.now());
}

void Controllers::stop() {
  ports_.hypervisor.setEventHandler({});
  for (auto* controller : all()) controller->stop();
}

}  // namespace vnic::app
