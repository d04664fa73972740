// SPDX-License-Identifier: Apache-2.0
// A kind for the tests of the caches: a name, a version, a colour.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/decode.h"
#include "api/meta.h"
#include "support/error.h"

namespace vnic::cache {

struct Thing {
  static constexpr api::ResourceType resource{"example.org", "v1", "things", "Thing", true};
  api::ObjectMeta metadata;
  std::string colour;

  static Result<Thing> decode(simdjson::dom::element object) {
    auto meta = api::decodeMeta(object);
    if (!meta) return fail(meta.error());
    std::string_view colour;
    if (object["spec"]["colour"].get(colour)) colour = "none";
    if (colour == "unreadable") return fail(Error::invalid("spec.colour: is unreadable"));
    return Thing{std::move(*meta), std::string(colour)};
  }
};

inline std::shared_ptr<const Thing> thing(const std::string& name, const std::string& version,
                                          const std::string& colour = "none",
                                          const std::string& uid = "") {
  Thing result;
  result.metadata.ns = "ns";
  result.metadata.name = name;
  result.metadata.uid = uid.empty() ? "uid-" + name : uid;
  result.metadata.resourceVersion = version;
  result.colour = colour;
  return std::make_shared<const Thing>(std::move(result));
}

// As the API server would send it.
inline std::string thingJson(const std::string& name, const std::string& version,
                             const std::string& colour = "none", const std::string& uid = "") {
  return R"({"kind":"Thing","metadata":{"namespace":"ns","name":")" + name + R"(","uid":")" +
         (uid.empty() ? "uid-" + name : uid) + R"(","resourceVersion":")" + version +
         R"("},"spec":{"colour":")" + colour + R"("}})";
}

}  // namespace vnic::cache
