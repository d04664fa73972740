// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/vm_claim.h"

#include "api/vm_migration.h"
#include "kube/typed.h"

namespace vnic::reconcile::vnic {
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
  const auto migration = anyLives<api::VmMigration>(
      client, ns, uid, [](const api::VmMigration& m) { return !m.finished(); });
  if (!migration || *migration) return migration;
  return anyLives<api::Vnic>(client, ns, uid, [](const api::Vnic&) { return true; });
}

}  // namespace

std::string claimName(const std::string& vmUuid) {
  return "vm-" + vmUuid;
}

Result<std::unique_ptr<VmClaim>> VmClaim::take(kube::Client& client, runtime::ClaimLeases& claims,
                                               const api::Vnic& vnic, const std::string& vmUuid,
                                               const Logger& log) {
  const std::string name = claimName(vmUuid);
  const std::string& self = vnic.metadata.uid;
  auto claim = claims.tryClaim(name, self);
  if (!claim) return fail(claim.error());
  if (!claim->held) {
    const auto lives = holderLives(client, vnic.metadata.ns, claim->holder);
    if (!lives) return fail(lives.error());
    if (!*lives) {
      if (auto freed = claims.release(name, claim->holder); !freed) return fail(freed.error());
      claim = claims.tryClaim(name, self);
      if (!claim) return fail(claim.error());
    }
  }
  if (!claim->held) {
    return fail(Error{ErrorKind::Conflict,
                      "the VM is being worked on by the object with uid " + claim->holder});
  }
  return std::unique_ptr<VmClaim>(new VmClaim(claims, name, self, log));
}

VmClaim::~VmClaim() {
  if (const auto released = claims_.release(name_, holder_); !released) {
    // Nothing is lost: the next pass of the holder, in this process or the next, gives it back.
    log_.warn("Could not release a VM", {{"lease", name_}, {"error", released.error().message}});
  }
}

}  // namespace vnic::reconcile::vnic
