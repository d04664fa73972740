// SPDX-License-Identifier: Apache-2.0
// What makes a VnicProfile wrong. Pure; the one place that knows it: the webhook says it before an
// object is stored, the reconciler says the same, with the same reasons, of what is stored. What
// one object decides is in the CRD as well, and is checked here again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/vnic.h"
#include "api/vnic_profile.h"

namespace vnic::reconcile::vnic_profile {

using ProfilePtr = std::shared_ptr<const api::VnicProfile>;
using VnicPtr = std::shared_ptr<const api::Vnic>;

// An object that a violation rests on: were it another one, there would be none. Who judges from a
// cache can ask for it anew.
struct Witness {
  enum class Kind { Profile, Vnic } kind = Kind::Profile;
  api::ObjectKey key;
  auto operator<=>(const Witness&) const = default;
};

struct Violation {
  std::string field;    // that has to change: "spec.failover"; "" = the whole object
  std::string reason;   // CamelCase
  std::string message;  // goes on after the field's name, and names the objects
  std::vector<Witness> witnesses;
  // It is only about an object that is not there yet. Objects may be applied in any order, so this
  // keeps a profile from being used, never from being stored.
  bool awaitsObject = false;

  std::string text() const;  // one sentence
  bool operator==(const Violation&) const = default;
};

// Vnics that use a profile and profiles that name it as their failover.
struct Users {
  std::vector<std::string> vnics;  // "namespace/name", ordered
  std::vector<std::string> profiles;

  bool any() const { return !vnics.empty() || !profiles.empty(); }
};

Users usersOf(const std::string& profile, const std::vector<ProfilePtr>& profiles,
              const std::vector<VnicPtr>& vnics);

// All of them, in a fixed order. `all` holds every profile, this one may be among them.
std::vector<Violation> violations(const api::VnicProfile& profile,
                                  const std::vector<ProfilePtr>& all);

// What is frozen while Vnics use the profile, and would be changed.
std::vector<Violation> forbiddenChanges(const api::VnicProfile& before,
                                        const api::VnicProfile& after, const Users& users);

// Why the profile may not be deleted; empty = it may.
std::vector<Violation> forbiddenDeletion(const Users& users);

// May Vnics of a namespace with these labels use the profile?
bool allows(const api::AllowedNamespaces& allowed,
            const std::map<std::string, std::string>& namespaceLabels);

// The profiles that name this one as their failover, in the order of their names.
std::vector<std::string> failoverFor(const std::string& profile,
                                     const std::vector<ProfilePtr>& all);

ProfilePtr findProfile(const std::string& name, const std::vector<ProfilePtr>& all);

// "a, b, c and 7 more".
std::string listNames(const std::vector<std::string>& names);

}  // namespace vnic::reconcile::vnic_profile
