// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/streaming_client.h"

#include <stdexcept>

#include "api/vm_migration.h"
#include "kube/watch_decoder.h"
#include "runtime/lease.h"

namespace vnic::bench {

Duration StreamingClient::timeToPlan(const std::string& migration, const std::string& vmUuid,
                                     const std::function<void()>& create) {
  {
    const std::lock_guard lock(mutex_);
    awaitedLine_ = "\"name\":\"" + migration + "\"";
    awaitedClaim_ = "vm-" + vmUuid;
    handedOver_.reset();
    planned_.reset();
  }
  create();
  std::unique_lock lock(mutex_);
  const bool came =
      changed_.wait_for(lock, std::chrono::seconds(10), [&] { return planned_.has_value(); });
  if (!came || !handedOver_) throw std::runtime_error(migration + " was not planned");
  return *planned_ - *handedOver_;
}

void StreamingClient::awaitSilence(Duration silence) {
  std::unique_lock lock(mutex_);
  while (std::chrono::steady_clock::now() - lastWrite_ < silence) {
    changed_.wait_for(lock, silence / 4);
  }
}

Result<std::string> StreamingClient::get(const api::ResourceType& type, const api::ObjectKey& key) {
  if (type.plural == runtime::Lease::resource.plural) {
    const std::lock_guard lock(mutex_);
    if (!planned_ && key.name == awaitedClaim_) {
      planned_ = std::chrono::steady_clock::now();
      changed_.notify_all();
    }
  }
  return server_.get(type, key);
}

Status StreamingClient::watch(const api::ResourceType& type, const kube::WatchOptions& options,
                              const LineHandler& onLine, std::stop_token stop) {
  // The server in memory has no streaming lists.
  if (options.sendInitialEvents) return fail(Error::invalid("sendInitialEvents is unknown"));
  const bool ofMigrations = type.plural == api::VmMigration::resource.plural;
  kube::WatchOptions next = options;
  kube::WatchDecoder decoder;
  while (!stop.stop_requested()) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      seen = writes_;
    }
    const auto deliver = [&](std::string_view line) {
      const auto event = decoder.decode(line);
      next.resourceVersion = std::string(kube::resourceVersionOf(event->object));
      if (ofMigrations) {
        const std::lock_guard lock(mutex_);
        if (!handedOver_ && !awaitedLine_.empty() &&
            line.find(awaitedLine_) != std::string_view::npos) {
          handedOver_ = std::chrono::steady_clock::now();
        }
      }
      onLine(line);
    };
    if (const Status ended = server_.watch(type, next, deliver, stop); !ended) return ended;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return writes_ != seen; });
  }
  return {};
}

}  // namespace vnic::bench
