// SPDX-License-Identifier: Apache-2.0
// The role that ships grants what is used and nothing else.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "conformance/admission/reviewed_control_plane.h"
#include "conformance/operator/audit_log.h"
#include "conformance/operator/scenarios.h"
#include "support/source_tree.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using testing::IsEmpty;

constexpr char kServiceAccount[] = "vnic-operator";
constexpr char kUser[] = "system:serviceaccount:vnic-operator-system:vnic-operator";

json kubectlJson(const ControlPlane& controlPlane, const std::vector<std::string>& what) {
  std::vector<std::string> arguments{"get", "--all-namespaces", "--output", "json"};
  arguments.insert(arguments.end(), what.begin(), what.end());
  const CommandResult result = controlPlane.kubectl(arguments);
  if (!result.ok()) throw std::runtime_error(result.err);
  return json::parse(result.out).at("items");
}

// Where a binding binds the operator's service account: its role's rules, each permission apart.
// ns: "" = anywhere.
void addRules(const json& role, const std::string& ns, std::set<Permission>& granted) {
  for (const json& rule : role.at("rules")) {
    EXPECT_FALSE(rule.contains("resourceNames")) << "this test does not know what that means";
    for (const std::string group : rule.at("apiGroups")) {
      for (const std::string resource : rule.at("resources")) {
        for (const std::string verb : rule.at("verbs")) granted.insert({verb, group, resource, ns});
      }
    }
  }
}

std::set<Permission> grantedTo(const ControlPlane& controlPlane) {
  std::set<Permission> granted;
  const json roles = kubectlJson(controlPlane, {"roles,clusterroles"});
  for (const json& binding : kubectlJson(controlPlane, {"rolebindings,clusterrolebindings"})) {
    for (const json& subject : binding.value("subjects", json::array())) {
      if (subject.at("kind") != "ServiceAccount" || subject.at("name") != kServiceAccount) continue;
      const std::string ns = binding.at("metadata").value("namespace", "");
      for (const json& role : roles) {
        if (role.at("kind") == binding.at("roleRef").at("kind") &&
            role.at("metadata").at("name") == binding.at("roleRef").at("name") &&
            (role.at("kind") == "ClusterRole" || role.at("metadata").at("namespace") == ns)) {
          addRules(role, ns, granted);
        }
      }
    }
  }
  return granted;
}

// What the operator asked of an API server, and what of it was refused.
struct Requests {
  std::set<Permission> used, refused;

  // The operator has ended.
  void add(const ControlPlane& controlPlane) {
    for (const auto& request : readAuditLog(controlPlane.auditLog(), kUser)) {
      used.insert(request.permission);
      if (request.code == 401 || request.code == 403) refused.insert(request.permission);
    }
  }
};

void play(const std::vector<Scenario>& scenarios, Cluster& cluster) {
  for (const Scenario& scenario : scenarios) {
    SCOPED_TRACE(scenario.name);
    const auto begin = std::chrono::steady_clock::now();
    try {
      scenario.play(cluster);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << fmt::format("{:5.1f} s  {}\n", took.count(), scenario.name);
  }
}

// The operator's own program with its webhook, at an API server without streaming lists: everything
// is listed the old way. What a refusal rests on is asked for anew: a profile, a Vnic.
void beAsked(ReviewedControlPlane& cluster) {
  EXPECT_TRUE(cluster.kubectl({"apply", "-f", sourcePath(kNodeRole)}).ok());
  cluster.startOperator({"--node-libvirt-uri", kNodeLibvirtURI});
  cluster.askOperator();
  const auto vnic = [&](const std::string& name, const std::string& how) {
    return cluster.kubectl({"create", how, "-f", "-"},
                           "{apiVersion: vnic.dev/v1alpha1, kind: Vnic, metadata: {name: " + name +
                               ", namespace: default}, spec: {vmName: db, profile: {name: "
                               "probe-vf}, macAddress: '52:54:00:00:00:0a'}}");
  };
  EXPECT_TRUE(vnic("first", "--dry-run=none").ok());
  std::string refusal;
  EXPECT_TRUE(eventually([&] {
    refusal = vnic("second", "--dry-run=server").err;
    return refusal.find("which vnic default/first has") != std::string::npos;
  })) << refusal;
  cluster.process().kill();
}

bool covers(const Permission& grant, const Permission& use) {
  return grant.verb == use.verb && grant.group == use.group && grant.resource == use.resource &&
         (grant.ns.empty() || grant.ns == use.ns);
}

TEST(Rbac, TheRoleGrantsWhatIsUsedAndNothingElse) {
  std::set<Permission> granted;
  Requests requests;
  ControlPlane::Options options;
  options.audit = true;
  {
    Cluster cluster(options);
    cluster.takeNodes();
    cluster.startOperator();
    play(migrationScenarios(), cluster);
    play(nicScenarios(), cluster);
    play(operationScenarios(), cluster);
    cluster.stopOperator();
    requests.add(cluster.controlPlane());
    granted = grantedTo(cluster.controlPlane());
  }
  {
    options.apiServerFlags = {"--feature-gates=WatchList=false"};
    ReviewedControlPlane cluster(options);
    beAsked(cluster);
    requests.add(cluster.controlPlane());
  }
  ASSERT_THAT(granted, testing::Not(IsEmpty()));
  EXPECT_THAT(requests.refused, IsEmpty()) << "the API server refused these: the role lacks them";

  std::set<Permission> unneeded, ungranted;
  for (const Permission& grant : granted) {
    const auto isUse = [&](const Permission& use) { return covers(grant, use); };
    if (std::none_of(requests.used.begin(), requests.used.end(), isUse)) unneeded.insert(grant);
  }
  for (const Permission& use : requests.used) {
    const auto isGrant = [&](const Permission& grant) { return covers(grant, use); };
    if (std::none_of(granted.begin(), granted.end(), isGrant)) ungranted.insert(use);
  }
  EXPECT_THAT(unneeded, IsEmpty())
      << "no scenario needs these: take them out of the role, or add the scenario that does";
  EXPECT_THAT(ungranted, IsEmpty()) << "used, but by another role than the one that ships";
}

}  // namespace
}  // namespace vnic::test
