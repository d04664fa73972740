// SPDX-License-Identifier: Apache-2.0
// What anybody may post to the webhook.
#include "admission/webhook.h"

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.h"

using namespace vnic;

namespace {

// An API server that has no objects.
class EmptyClient final : public kube::Client {
 public:
  Result<std::string> get(const api::ResourceType&, const api::ObjectKey&) override {
    return fail(Error::notFound("nothing there"));
  }
  Result<std::string> list(const api::ResourceType&, const kube::ListOptions&) override {
    return no();
  }
  Status watch(const api::ResourceType&, const kube::WatchOptions&, const LineHandler&,
               std::stop_token) override {
    return fail(no().error());
  }
  Result<std::string> create(const api::ResourceType&, const nlohmann::json&) override {
    return no();
  }
  Result<std::string> update(const api::ResourceType&, const nlohmann::json&) override {
    return no();
  }
  Result<std::string> patch(const api::ResourceType&, const api::ObjectKey&, kube::PatchType,
                            const nlohmann::json&, std::string_view) override {
    return no();
  }
  Result<std::string> apply(const api::ResourceType&, const nlohmann::json&,
                            const kube::ApplyOptions&) override {
    return no();
  }
  Status remove(const api::ResourceType&, const api::ObjectKey&,
                const kube::Preconditions&) override {
    return fail(no().error());
  }

 private:
  static Result<std::string> no() {
    fuzz::require(false, "the webhook only asks");
    return fail(Error::terminal(""));
  }
};

void fill(cache::Store<api::VnicProfile>& profiles, cache::Store<api::Vnic>& vnics) {
  api::VnicProfile standby;
  standby.metadata.name = "standby";
  standby.spec.network = "blue";
  api::VnicProfile blue = standby;
  blue.metadata.name = "blue";
  blue.spec.passthrough = true;
  blue.spec.failover = "standby";
  api::Vnic vnic;
  vnic.metadata.ns = "team-a";
  vnic.metadata.name = "db";
  vnic.spec.profile = "blue";
  vnic.spec.macAddress = "52:54:00:00:00:01";
  profiles.put(std::make_shared<api::VnicProfile>(standby));
  profiles.put(std::make_shared<api::VnicProfile>(blue));
  vnics.put(std::make_shared<api::Vnic>(vnic));
}

struct World {
  EmptyClient client;
  SystemClock clock;
  cache::Store<api::VnicProfile> profiles;
  cache::Store<api::Vnic> vnics;
  prometheus::Registry registry;
  admission::Webhook webhook{{profiles, vnics, client, clock}, registry, Logger()};

  World() { fill(profiles, vnics); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const auto response = world.webhook.handle({"POST",
                                              admission::kPath,
                                              {},
                                              {{"content-type", "application/json"}},
                                              std::string(fuzz::text(data, size))});
  fuzz::require(response.status == 200 || response.status == 400, "200 or 400");
  if (response.status == 400) {
    fuzz::require(response.body.size() > 1, "the error says what is wrong");
    return 0;
  }
  const auto answer = nlohmann::json::parse(response.body);
  const auto& review = answer.at("response");
  fuzz::require(!review.at("uid").get<std::string>().empty(), "the answer has the question's uid");
  fuzz::require(review.at("allowed").is_boolean(), "and a verdict");
  if (!review.at("allowed").get<bool>()) {
    fuzz::require(!review.at("status").at("message").get<std::string>().empty(), "with a reason");
  }
  return 0;
}
