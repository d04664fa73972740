// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/migrations.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/host_reading.h"
#include "hypervisor/libvirt/link.h"
#include "hypervisor/libvirt/migrate_call.h"

namespace vnic::hypervisor {
namespace {

using Key = std::pair<std::string, std::string>;  // host, uuid

struct Entry {
  MigrationOutcome outcome;
  std::uint64_t number = 0;  // tells a later migration of the same domain from this one
  bool begun = false;        // libvirt may have been asked
  MonoTime started;
};

}  // namespace

// Shared with the threads, which may outlive the adapter.
struct Migrations::Table {
  std::mutex mutex;
  std::map<Key, Entry> entries;
  std::uint64_t lastNumber = 0;
  std::size_t threads = 0;

  // The last moment to give up. False: somebody has, and libvirt must not be asked any more.
  bool begin(const Key& key, std::uint64_t number) {
    const std::lock_guard lock(mutex);
    const auto found = entries.find(key);
    if (found == entries.end() || found->second.number != number ||
        !found->second.outcome.running) {
      return false;
    }
    found->second.begun = true;
    return true;
  }

  void end(const Key& key, std::uint64_t number, std::optional<Error> error) {
    const std::lock_guard lock(mutex);
    --threads;
    const auto found = entries.find(key);
    if (found == entries.end() || found->second.number != number) return;
    if (found->second.outcome.running) found->second.outcome = {false, std::move(error)};
  }
};

Migrations::Migrations(const LibvirtOptions& options, std::shared_ptr<EventLoop> loop,
                       std::shared_ptr<EventSink> sink, Logger log)
    : options_(options),
      loop_(std::move(loop)),
      sink_(std::move(sink)),
      log_(std::move(log)),
      table_(std::make_shared<Table>()) {}

Status Migrations::start(const std::string& host, const std::string& uri,
                         const MigrationRequest& request) {
  const Key key{host, request.uuid};
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(table_->mutex);
    if (const auto known = table_->entries.find(key);
        known != table_->entries.end() && known->second.outcome.running) {
      return fail(Error{ErrorKind::AlreadyExists, "a migration of this domain is under way"});
    }
    if (table_->threads >= options_.maxMigrations) {
      return fail(Error::transient(
          fmt::format("{} migrations are under way, no more at a time", table_->threads)));
    }
    number = ++table_->lastNumber;
    ++table_->threads;
    table_->entries[key] = {{true, std::nullopt}, number, false, std::chrono::steady_clock::now()};
  }
  const auto run = [key, number, uri, request, options = options_, loop = loop_, sink = sink_,
                    log = log_, table = table_] {
    const auto attempt = [&]() -> Status {
      const auto link = Link::open(uri, options, loop, nullptr, nullptr);
      if (!link) return fail(link.error());
      const auto domain = lookUp((*link)->get(), request.uuid);
      if (!domain) return fail(domain.error());
      // The guest's pause is limited best before the copy begins; libvirt keeps it for the next
      // one.
      if (virDomainMigrateSetMaxDowntime(
              domain->get(), static_cast<unsigned long long>(request.maxDowntimeMilliseconds), 0) <
          0) {
        log.warn("Cannot limit the pause of a VM",
                 {{"host", key.first}, {"uuid", key.second}, {"error", lastError("").message}});
      }
      if (!table->begin(key, number)) {
        return fail(Error::cancelled("the migration was given up before it began"));
      }
      return migrate(domain->get(), request);
    };
    const Status result = attempt();
    table->end(key, number, result ? std::nullopt : std::optional<Error>(result.error()));
    sink->emit({key.first, key.second, "migration-ended"});
  };
  std::thread(run).detach();
  return {};
}

std::optional<MigrationOutcome> Migrations::outcome(const std::string& host,
                                                    const std::string& uuid) {
  const std::lock_guard lock(table_->mutex);
  const auto found = table_->entries.find({host, uuid});
  if (found == table_->entries.end()) return std::nullopt;
  Entry& entry = found->second;
  if (entry.outcome.running && !entry.begun &&
      std::chrono::steady_clock::now() - entry.started >
          options_.connectTimeout + options_.queryTimeout) {
    entry.outcome = {false, Error::transient(host + " did not answer when the migration should "
                                                    "have begun; it will not begin any more")};
  }
  return entry.outcome;
}

void Migrations::forget(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(table_->mutex);
  table_->entries.erase({host, uuid});
}

void Migrations::cancelUnbegun(const std::string& host, const std::string& uuid) {
  const std::lock_guard lock(table_->mutex);
  const auto found = table_->entries.find({host, uuid});
  if (found == table_->entries.end()) return;
  Entry& entry = found->second;
  if (entry.outcome.running && !entry.begun) {
    entry.outcome = {false, Error::cancelled("cancelled before libvirt was asked to migrate")};
  }
}

}  // namespace vnic::hypervisor
