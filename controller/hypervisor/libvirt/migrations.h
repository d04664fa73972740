// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hypervisor/hypervisor.h"
#include "hypervisor/libvirt/event_loop.h"
#include "hypervisor/libvirt/event_sink.h"
#include "hypervisor/libvirt/options.h"
#include "support/log.h"

namespace vnic::hypervisor {

// The migrations that this process has asked for. Each blocks a thread of its own, on a connection
// of its own (it would take one of the few calls that libvirtd serves per connection), until
// libvirt says how it came out. Nobody waits for these threads: a peer-to-peer migration goes on
// without us.
class Migrations {
 public:
  Migrations(const LibvirtOptions& options, std::shared_ptr<EventLoop> loop,
             std::shared_ptr<EventSink> sink, Logger log);

  // AlreadyExists while one of this domain runs; Transient when there are too many.
  Status start(const std::string& host, const std::string& uri, const MigrationRequest& request);
  std::optional<MigrationOutcome> outcome(const std::string& host, const std::string& uuid);
  void forget(const std::string& host, const std::string& uuid);
  // One that has not reached libvirt yet never will. Emitted as "migration-ended" like any other
  // end.
  void cancelUnbegun(const std::string& host, const std::string& uuid);

 private:
  struct Table;

  LibvirtOptions options_;
  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<EventSink> sink_;
  Logger log_;
  std::shared_ptr<Table> table_;
};

}  // namespace vnic::hypervisor
