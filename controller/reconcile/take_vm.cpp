// SPDX-License-Identifier: Apache-2.0
#include "reconcile/take_vm.h"

#include "api/vm_migration.h"
#include "api/vnic.h"
#include "kube/typed.h"

namespace vnic::reconcile {
namespace {

// Does an object with that uid live that may hold a VM of this namespace? A finished migration does
// not any more. What cannot be read may well be it.
template <class T, class Lives>
Result<bool> anyLives(kube::Client& client, const std::string& ns, const std::string& uid,
                      Lives lives) {
  kube::ListOptions options;
  options.ns = ns;
  options.limit = 500;
  do {
    const auto page = kube::listPage<T>(client, options);
    if (!page) return fail(page.error());
    if (!page->undecodable.empty()) return true;
    for (const T& object : page->items) {
      if (object.metadata.uid == uid) return lives(object);
    }
    options.continueToken = page->continueToken;
  } while (!options.continueToken.empty());
  return false;
}

Result<bool> holderLives(kube::Client& client, const std::string& ns, const std::string& uid) {
  auto migration = anyLives<api::VmMigration>(
      client, ns, uid, [](const api::VmMigration& m) { return !m.finished(); });
  if (!migration || *migration) return migration;
  return anyLives<api::Vnic>(client, ns, uid, [](const api::Vnic&) { return true; });
}

}  // namespace

std::string claimName(const std::string& vmUuid) {
  return "vm-" + vmUuid;
}

Result<std::string> takeVm(kube::Client& client, runtime::ClaimLeases& claims,
                           const std::string& ns, const std::string& uid,
                           const std::string& vmUuid) {
  const std::string name = claimName(vmUuid);
  auto claim = claims.tryClaim(name, uid);
  if (!claim) return fail(claim.error());
  if (claim->held) return uid;
  const auto lives = holderLives(client, ns, claim->holder);
  if (!lives) return fail(lives.error());
  if (*lives) return claim->holder;
  if (auto freed = claims.release(name, claim->holder); !freed) return fail(freed.error());
  claim = claims.tryClaim(name, uid);
  if (!claim) return fail(claim.error());
  return claim->held ? uid : claim->holder;
}

}  // namespace vnic::reconcile
