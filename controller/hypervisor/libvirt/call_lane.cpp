// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/call_lane.h"

#include <deque>
#include <thread>
#include <utility>

namespace vnic::hypervisor {

// Shared with the threads, which may outlive the lane.
struct CallLane::State {
  std::size_t maxThreads = 0;
  std::size_t queueLimit = 0;
  std::mutex mutex;
  std::condition_variable wakeUp;
  std::deque<std::function<void()>> queue;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool closed = false;
};

CallLane::CallLane(std::string name, std::size_t threads, std::size_t queueLimit)
    : name_(std::move(name)), state_(std::make_shared<State>()) {
  state_->maxThreads = threads;
  state_->queueLimit = queueLimit;
}

CallLane::~CallLane() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->queue.clear();
  state_->wakeUp.notify_all();
}

bool CallLane::submit(std::function<void()> job) {
  const std::lock_guard lock(state_->mutex);
  if (state_->queue.size() >= state_->queueLimit) return false;
  state_->queue.push_back(std::move(job));
  if (state_->queue.size() > state_->idle && state_->threads < state_->maxThreads) {
    ++state_->threads;
    std::thread([state = state_] { work(state); }).detach();
  }
  state_->wakeUp.notify_one();
  return true;
}

void CallLane::work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    ++state->idle;
    state->wakeUp.wait(lock, [&] { return state->closed || !state->queue.empty(); });
    --state->idle;
    if (state->closed) return;
    const std::function<void()> job = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace vnic::hypervisor
