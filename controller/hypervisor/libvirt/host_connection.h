// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "hypervisor/libvirt/call_lane.h"
#include "hypervisor/libvirt/link.h"
#include "hypervisor/libvirt/snapshot_cache.h"
#include "support/log.h"

namespace vnic::hypervisor {

// One host: connects in the background, again and again with back-off, and runs calls on the
// connection that there is. Without one every call fails at once with Transient: what the host does
// is then unknown. Emits the events "connected" and "disconnected".
class HostConnection {
 public:
  template <class T>
  using Call = std::function<Result<T>(virConnectPtr)>;

  HostConnection(const std::string& host, const std::string& uri, const LibvirtOptions& options,
                 std::shared_ptr<EventLoop> loop, std::shared_ptr<OpenLinks> openLinks,
                 std::shared_ptr<EventSink> sink, const Logger& log);
  ~HostConnection();  // waits for nothing
  HostConnection(const HostConnection&) = delete;
  HostConnection& operator=(const HostConnection&) = delete;

  const std::string& uri() const;
  const std::shared_ptr<SnapshotCache>& snapshotCache() const { return snapshotCache_; }

  // Reads, changes and aborts have threads of their own: a change that waits for a domain's job
  // lock must not keep anybody from looking, nor from aborting the job that holds the lock.
  template <class T>
  Result<T> query(const std::string& what, Duration timeout, Call<T> call) {
    return run<T>(queries_, what, timeout, std::move(call));
  }
  template <class T>
  Result<T> change(const std::string& what, Duration timeout, Call<T> call) {
    return run<T>(changes_, what, timeout, std::move(call));
  }
  template <class T>
  Result<T> abort(const std::string& what, Duration timeout, Call<T> call) {
    return run<T>(aborts_, what, timeout, std::move(call));
  }

 private:
  struct State;

  template <class T>
  Result<T> run(CallLane& lane, const std::string& what, Duration timeout, Call<T> call) {
    auto link = current(what);
    if (!link) return fail(std::move(link.error()));
    return lane.run<T>(what, timeout, [link = std::move(*link), call = std::move(call)] {
      return call(link->get());
    });
  }
  Result<std::shared_ptr<Link>> current(const std::string& what) const;
  static void supervise(const std::shared_ptr<State>& state);
  static void attempt(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
  std::shared_ptr<SnapshotCache> snapshotCache_ = std::make_shared<SnapshotCache>();
  CallLane queries_;
  CallLane changes_;
  CallLane aborts_;
};

}  // namespace vnic::hypervisor
