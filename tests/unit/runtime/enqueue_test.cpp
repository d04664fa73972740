// SPDX-License-Identifier: Apache-2.0
#include "runtime/enqueue.h"

#include <gtest/gtest.h>

#include <future>

#include "runtime/lease.h"
#include "support/manual_clock.h"

namespace vnic::runtime {
namespace {

std::shared_ptr<const Lease> lease(const std::string& name, const std::string& holder = "") {
  Lease result;
  result.metadata.name = name;
  result.spec.holder = holder;
  return std::make_shared<const Lease>(result);
}

TEST(Enqueue, PutsWhatNobodyChangedJustNowBehindWhatSomebodyDid) {
  const auto object = lease("a");
  using Change = cache::Change<Lease>;
  EXPECT_EQ(priorityOf(Change{nullptr, object, true}), queue::kPriorityBulk);  // first list
  EXPECT_EQ(priorityOf(Change{object, object, false}), queue::kPriorityBulk);  // resync
  EXPECT_EQ(priorityOf(Change{nullptr, object, false}), queue::kPriorityChange);
  EXPECT_EQ(priorityOf(Change{object, lease("a"), false}), queue::kPriorityChange);
  EXPECT_EQ(priorityOf(Change{object, nullptr, false}), queue::kPriorityChange);
}

// A server with two Leases; between the list and the end of the watch one changes its holder.
class OneChange final : public kube::Client {
 public:
  Result<std::string> list(const api::ResourceType&, const kube::ListOptions&) override {
    return std::string(R"({"metadata":{"resourceVersion":"5"},"items":[)"
                       R"({"metadata":{"name":"a","resourceVersion":"1"},)"
                       R"("spec":{"holderIdentity":"old"}}]})");
  }
  Status watch(const api::ResourceType&, const kube::WatchOptions&, const LineHandler& onLine,
               std::stop_token stop) override {
    if (!changed) {
      changed = true;
      beforeChange();
      onLine(R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"6"},)"
             R"("spec":{"holderIdentity":"new"}}})");
    }
    SystemClock().sleepFor(std::chrono::hours(1), stop);
    return fail(Error::cancelled("stopped"));
  }
  std::function<void()> beforeChange;

  Result<std::string> get(const api::ResourceType&, const api::ObjectKey&) override {
    return fail(Error::terminal("unused"));
  }
  Result<std::string> create(const api::ResourceType&, const nlohmann::json&) override {
    return fail(Error::terminal("unused"));
  }
  Result<std::string> update(const api::ResourceType&, const nlohmann::json&) override {
    return fail(Error::terminal("unused"));
  }
  Result<std::string> patch(const api::ResourceType&, const api::ObjectKey&, kube::PatchType,
                            const nlohmann::json&, std::string_view) override {
    return fail(Error::terminal("unused"));
  }
  Result<std::string> apply(const api::ResourceType&, const nlohmann::json&,
                            const kube::ApplyOptions&) override {
    return fail(Error::terminal("unused"));
  }
  Status remove(const api::ResourceType&, const api::ObjectKey&,
                const kube::Preconditions&) override {
    return fail(Error::terminal("unused"));
  }

 private:
  bool changed = false;
};

TEST(Enqueue, TellsBothThoseThatAnObjectConcernedAndThoseThatItConcernsNow) {
  SystemClock clock;
  OneChange server;
  queue::WorkQueue own(clock);
  queue::WorkQueue holders(clock);
  cache::Informer<Lease> leases({}, server, clock, Logger());
  enqueueSelf(leases, own);
  enqueueMapped<Lease>(leases, holders, [](const Lease& l) {
    return std::vector<api::ObjectKey>{{"", l.spec.holder}};
  });
  std::vector<std::string> first;
  std::promise<void> listed;
  server.beforeChange = [&] {
    while (const auto item = holders.tryGet()) {
      first.push_back(item->key.name);
      holders.done(item->key);
    }
    listed.set_value();
  };
  leases.start();
  ASSERT_EQ(listed.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  const auto next = [&holders] {
    std::stop_source patience;
    std::jthread limit([&patience](std::stop_token done) {
      if (SystemClock().sleepFor(std::chrono::seconds(10), done)) patience.request_stop();
    });
    const auto item = holders.get(patience.get_token());
    return item ? item->key.name : "nothing";
  };
  EXPECT_EQ(next(), "old");
  EXPECT_EQ(next(), "new");
  EXPECT_EQ(first, std::vector<std::string>{"old"});
  leases.stop();
  EXPECT_EQ(own.tryGet()->key.name, "a");
}

}  // namespace
}  // namespace vnic::runtime
