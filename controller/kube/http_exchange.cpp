// SPDX-License-Identifier: Apache-2.0
#include "kube/http_exchange.h"

#include <utility>

namespace vnic::kube {

void HttpExchange::head(HttpResponse response) {
  const std::lock_guard lock(mutex_);
  head_ = std::move(response);
  changed_.notify_all();
}

void HttpExchange::put(std::string_view bytes, const Resume& resume) {
  bool accepted = false;
  {
    const std::lock_guard lock(mutex_);
    accepted = !abandoned_;
    if (accepted) {
      bytes_.append(bytes);
      changed_.notify_all();
      if (bytes_.size() >= windowBytes_) {
        waiting_ = resume;
        return;
      }
    }
  }
  resume(accepted);
}

void HttpExchange::end(std::optional<std::string> failure) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  failure_ = std::move(failure);
  changed_.notify_all();
}

void HttpExchange::released() {
  const std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

void HttpExchange::waitReleased(Duration atMost) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, atMost, [this] { return released_; });
}

HttpExchange::Step HttpExchange::next(std::stop_token stop, MonoTime until, std::string& bytes) {
  std::unique_lock lock(mutex_);
  const bool ready = changed_.wait_until(
      lock, stop, until, [this] { return (head_ && (!headTaken_ || !bytes_.empty())) || ended_; });
  if (stop.stop_requested()) return Step::Stopped;
  if (!ready) return Step::TimedOut;
  if (head_ && !headTaken_) {
    headTaken_ = true;
    return Step::Head;
  }
  if (!head_ || bytes_.empty()) return Step::End;
  bytes.clear();
  std::swap(bytes, bytes_);
  const Resume resume = std::exchange(waiting_, nullptr);
  lock.unlock();
  if (resume) resume(true);
  return Step::Bytes;
}

bool HttpExchange::abandon() {
  Resume resume;
  bool running = false;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    running = !ended_;
    resume = std::exchange(waiting_, nullptr);
  }
  if (resume) resume(false);
  return running;
}

bool HttpExchange::complete() const {
  const std::lock_guard lock(mutex_);
  return head_ && ended_ && !failure_;
}

std::string HttpExchange::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_.value_or("");
}

}  // namespace vnic::kube
