// SPDX-License-Identifier: Apache-2.0
#include "admission/witnesses.h"

#include <memory>
#include <utility>
#include <vector>

#include "kube/typed.h"

namespace vnic::admission {
namespace {

using reconcile::vnic_profile::Witness;

// False: the API server did not tell, and the cache's word stands.
template <class T>
bool refresh(kube::Client& client, const api::ObjectKey& key,
             std::vector<std::shared_ptr<const T>>& objects) {
  auto current = kube::getObject<T>(client, key);
  if (!current && current.error().kind != ErrorKind::NotFound) return false;
  std::erase_if(objects, [&](const auto& object) { return object->metadata.key() == key; });
  if (current) objects.push_back(std::make_shared<const T>(std::move(*current)));
  return true;
}

}  // namespace

bool Witnesses::askOne(const Witness& witness, World& world) {
  if (clock_.now() >= deadline_ || !asked_.insert(witness).second) return false;
  return witness.kind == Witness::Kind::Profile
             ? refresh<api::VnicProfile>(client_, witness.key, world.profiles)
             : refresh<api::Vnic>(client_, witness.key, world.vnics);
}

bool Witnesses::ask(const Verdict& verdict, World& world) {
  bool news = false;
  for (const auto* violations : {&verdict.refusals, &verdict.warnings}) {
    for (const Violation& violation : *violations) {
      for (const Witness& witness : violation.witnesses) news |= askOne(witness, world);
    }
  }
  return news;
}

}  // namespace vnic::admission
