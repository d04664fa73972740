// SPDX-License-Identifier: Apache-2.0
// An API server that answers lists and watches as a script says.
#pragma once

#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "kube/client.h"
#include "support/manual_clock.h"

namespace vnic::cache {

// One answer; the text is what has to be asked for it: "list rv=0 limit=500", "watch rv=7".
struct ListAnswer {
  std::string request;
  Result<std::string> body;
};
struct WatchAnswer {
  std::string request;
  std::vector<std::string> lines;
  Status result;
  Duration lasts = std::chrono::minutes(5);
};
using Answer = std::variant<ListAnswer, WatchAnswer>;

class ScriptedClient final : public kube::Client {
 public:
  ScriptedClient(test::ManualClock& clock, std::vector<Answer> script)
      : clock_(clock), script_(script.begin(), script.end()) {}

  // What was asked that the script had not foreseen, or in another order; it ends the script.
  std::vector<std::string> surprises;
  std::vector<int> timeouts;    // of the watches, in seconds
  std::function<void()> onEnd;  // called at each request after the script's end

  Result<std::string> list(const api::ResourceType&, const kube::ListOptions& o) override {
    std::string text = "list";
    if (!o.continueToken.empty()) text += " continue=" + o.continueToken;
    // Both together would be refused by a real API server, and are a surprise to every script.
    if (o.continueToken.empty() || !o.resourceVersion.empty()) text += " rv=" + o.resourceVersion;
    text += " limit=" + std::to_string(o.limit);
    if (script_.empty()) {
      end();
      return fail(Error::cancelled("the script is over"));
    }
    const auto* answer = std::get_if<ListAnswer>(&script_.front());
    if (answer == nullptr || answer->request != text) {
      surprises.push_back(text);
      script_.clear();
      end();
      return fail(Error::cancelled("unexpected"));
    }
    auto body = answer->body;
    script_.pop_front();
    return body;
  }

  Status watch(const api::ResourceType&, const kube::WatchOptions& o, const LineHandler& onLine,
               std::stop_token stop) override {
    std::string text = "watch rv=" + o.resourceVersion;
    if (o.sendInitialEvents) text += " initial";
    timeouts.push_back(o.timeoutSeconds);
    if (script_.empty()) {
      end();
      return fail(Error::cancelled("the script is over"));
    }
    const auto* answer = std::get_if<WatchAnswer>(&script_.front());
    if (answer == nullptr || answer->request != text) {
      surprises.push_back(text);
      script_.clear();
      end();
      return fail(Error::cancelled("unexpected"));
    }
    const WatchAnswer current = *answer;
    script_.pop_front();
    for (const std::string& line : current.lines) {
      if (stop.stop_requested()) return fail(Error::cancelled("stopped"));
      onLine(line);
    }
    if (stop.stop_requested()) return fail(Error::cancelled("stopped"));
    clock_.advance(current.lasts);
    return current.result;
  }

  // Caches only read.
  Result<std::string> get(const api::ResourceType&, const api::ObjectKey&) override {
    throw std::logic_error("a cache must not get");
  }
  Result<std::string> create(const api::ResourceType&, const nlohmann::json&) override {
    throw std::logic_error("a cache must not create");
  }
  Result<std::string> update(const api::ResourceType&, const nlohmann::json&) override {
    throw std::logic_error("a cache must not update");
  }
  Result<std::string> patch(const api::ResourceType&, const api::ObjectKey&, kube::PatchType,
                            const nlohmann::json&, std::string_view) override {
    throw std::logic_error("a cache must not patch");
  }
  Result<std::string> apply(const api::ResourceType&, const nlohmann::json&,
                            const kube::ApplyOptions&) override {
    throw std::logic_error("a cache must not apply");
  }
  Status remove(const api::ResourceType&, const api::ObjectKey&,
                const kube::Preconditions&) override {
    throw std::logic_error("a cache must not remove");
  }

 private:
  void end() {
    if (onEnd) onEnd();
  }

  test::ManualClock& clock_;
  std::deque<Answer> script_;
};

}  // namespace vnic::cache
