// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "kube/client.h"

namespace vnic::test {

// Passes everything on, keeps account of it, and may shorten or hold back watches.
class ObservedClient final : public kube::Client {
 public:
  explicit ObservedClient(kube::Client& next) : next_(next) {}

  int pageSize = 0;        // instead of the one asked for; 0 = as asked
  int timeoutSeconds = 0;  // of watches; 0 = as asked

  void holdWatches() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void releaseWatches() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  int lists() const { return count(lists_); }
  int watches() const { return count(watches_); }
  int heldBack() const { return count(heldBack_); }
  int gone() const { return count(gone_); }

  Result<std::string> list(const api::ResourceType& type, const kube::ListOptions& o) override {
    add(lists_);
    kube::ListOptions options = o;
    if (pageSize > 0 && o.limit > 0) {
      // "0" is answered from the server's cache, in one piece: pages only come from the newest.
      options.limit = pageSize;
      options.resourceVersion.clear();
    }
    return next_.list(type, options);
  }
  Status watch(const api::ResourceType& type, const kube::WatchOptions& o,
               const LineHandler& onLine, std::stop_token stop) override {
    {
      std::unique_lock lock(mutex_);
      if (held_) ++heldBack_;
      if (!changed_.wait(lock, stop, [this] { return !held_; })) {
        return fail(Error::cancelled("stopped"));
      }
    }
    add(watches_);
    kube::WatchOptions options = o;
    if (timeoutSeconds > 0) options.timeoutSeconds = timeoutSeconds;
    const Status result = next_.watch(
        type, options,
        [&](std::string_view line) {
          if (line.find(R"("code":410)") != std::string_view::npos) add(gone_);
          onLine(line);
        },
        stop);
    if (!result && result.error().kind == ErrorKind::Gone) add(gone_);
    return result;
  }

  Result<std::string> get(const api::ResourceType& t, const api::ObjectKey& k) override {
    return next_.get(t, k);
  }
  Result<std::string> create(const api::ResourceType& t, const nlohmann::json& o) override {
    return next_.create(t, o);
  }
  Result<std::string> update(const api::ResourceType& t, const nlohmann::json& o) override {
    return next_.update(t, o);
  }
  Result<std::string> patch(const api::ResourceType& t, const api::ObjectKey& k, kube::PatchType p,
                            const nlohmann::json& b, std::string_view s) override {
    return next_.patch(t, k, p, b, s);
  }
  Result<std::string> apply(const api::ResourceType& t, const nlohmann::json& o,
                            const kube::ApplyOptions& a) override {
    return next_.apply(t, o, a);
  }
  Status remove(const api::ResourceType& t, const api::ObjectKey& k,
                const kube::Preconditions& p) override {
    return next_.remove(t, k, p);
  }

 private:
  int count(const int& number) const {
    const std::lock_guard lock(mutex_);
    return number;
  }
  void add(int& number) {
    const std::lock_guard lock(mutex_);
    ++number;
  }

  kube::Client& next_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool held_ = false;
  int lists_ = 0;
  int watches_ = 0;
  int heldBack_ = 0;
  int gone_ = 0;
};

}  // namespace vnic::test
