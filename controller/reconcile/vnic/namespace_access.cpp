// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/namespace_access.h"

#include <algorithm>
#include <map>
#include <utility>

#include "api/decode.h"
#include "kube/typed.h"
#include "reconcile/vnic_profile/rules.h"

namespace vnic::reconcile::vnic {
namespace {

constexpr char kNameLabel[] = "kubernetes.io/metadata.name";  // every Namespace has it

struct Namespace {
  static constexpr api::ResourceType resource{"", "v1", "namespaces", "Namespace", false};
  api::ObjectMeta metadata;

  static Result<Namespace> decode(simdjson::dom::element object) {
    auto metadata = api::decodeMeta(object);
    if (!metadata) return fail(metadata.error());
    return Namespace{std::move(*metadata)};
  }
};

}  // namespace

Result<bool> mayUse(kube::Client& client, const api::AllowedNamespaces& allowed,
                    const std::string& ns) {
  const auto& wanted = allowed.matchLabels;
  std::map<std::string, std::string> labels{{kNameLabel, ns}};
  // What the name alone decides needs no question.
  const bool byName = std::all_of(wanted.begin(), wanted.end(),
                                  [](const auto& l) { return l.first == kNameLabel; });
  if (allowed.from == "Selector" && !byName) {
    const auto found = kube::getObject<Namespace>(client, {"", ns});
    if (!found) return fail(found.error());
    labels.insert(found->metadata.labels.begin(), found->metadata.labels.end());
  }
  return vnic_profile::allows(allowed, labels);
}

}  // namespace vnic::reconcile::vnic
