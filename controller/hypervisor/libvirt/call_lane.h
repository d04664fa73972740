// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "support/clock.h"
#include "support/error.h"

namespace vnic::hypervisor {

// Runs calls that may block for ever, so that their callers never do. A few threads of its own, a
// bounded queue, and a deadline for each call: past it the caller gets Transient. A call that has
// not begun by then never will; one that has begun may still have its effect. A stuck call keeps
// its thread until libvirt gives it up (keep-alive does); it keeps neither callers nor the
// process's end waiting.
class CallLane {
 public:
  CallLane(std::string name, std::size_t threads, std::size_t queueLimit);
  ~CallLane();  // waits for nothing
  CallLane(const CallLane&) = delete;
  CallLane& operator=(const CallLane&) = delete;

  template <class T>
  Result<T> run(const std::string& what, Duration timeout, std::function<Result<T>()> call) {
    auto ticket = std::make_shared<Ticket<T>>();
    const bool queued = submit([ticket, call = std::move(call)] {
      {
        const std::lock_guard lock(ticket->mutex);
        if (ticket->abandoned) return;
        ticket->begun = true;
      }
      Result<T> result = call();
      const std::lock_guard lock(ticket->mutex);
      ticket->result = std::move(result);
      ticket->done.notify_all();
    });
    if (!queued) {
      return fail(Error::transient(
          fmt::format("{}: too many calls to {} are waiting for an answer", what, name_)));
    }
    std::unique_lock lock(ticket->mutex);
    if (ticket->done.wait_for(lock, timeout, [&] { return ticket->result.has_value(); })) {
      return std::move(*ticket->result);
    }
    ticket->abandoned = true;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
    return fail(Error::transient(
        ticket->begun ? fmt::format("{}: {} did not answer within {} s", what, name_, seconds)
                      : fmt::format("{}: {} did not get to it within {} s", what, name_, seconds)));
  }

 private:
  template <class T>
  struct Ticket {
    std::mutex mutex;
    std::condition_variable done;
    bool begun = false;
    bool abandoned = false;
    std::optional<Result<T>> result;
  };
  struct State;

  bool submit(std::function<void()> job);
  static void work(const std::shared_ptr<State>& state);

  std::string name_;
  std::shared_ptr<State> state_;
};

}  // namespace vnic::hypervisor
