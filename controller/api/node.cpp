// SPDX-License-Identifier: Apache-2.0
#include "api/node.h"

#include <utility>

#include "api/decode.h"

namespace vnic::api {

Result<Node> Node::decode(simdjson::dom::element object) {
  auto metadata = decodeMeta(object);
  if (!metadata) return fail(metadata.error());
  Node node;
  node.metadata = std::move(*metadata);
  std::optional<Error> error;
  FieldReader root(object, error);
  root.object("spec").read("unschedulable", node.cordoned);
  FieldReader status = root.object("status");
  status.list("conditions", [&](FieldReader& item) {
    std::string type, value;
    item.read("type", type);
    item.read("status", value);
    if (type != "Ready") return;
    node.ready = value == "True"    ? ConditionStatus::True
                 : value == "False" ? ConditionStatus::False
                                    : ConditionStatus::Unknown;
  });
  status.list("addresses", [&](FieldReader& item) {
    std::string type;
    item.read("type", type);
    if (type == "InternalIP" && node.internalIP.empty()) item.read("address", node.internalIP);
  });
  if (error) {
    error->message = "Node " + node.metadata.name + ": " + error->message;
    return fail(std::move(*error));
  }
  return node;
}

}  // namespace vnic::api
