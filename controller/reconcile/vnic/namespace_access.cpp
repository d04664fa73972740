// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/namespace_access.h"

#include <algorithm>

#include "api/decode.h"
#include "kube/typed.h"

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
  if (allowed.from != "Selector") return true;
  auto wanted = allowed.matchLabels;
  if (const auto name = wanted.find(kNameLabel); name != wanted.end()) {
    if (name->second != ns) return false;
    wanted.erase(name);
  }
  if (wanted.empty()) return true;
  const auto found = kube::getObject<Namespace>(client, {"", ns});
  if (!found) return fail(found.error());
  const auto& labels = found->metadata.labels;
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto has = labels.find(label.first);
    return has != labels.end() && has->second == label.second;
  });
}

}  // namespace vnic::reconcile::vnic
