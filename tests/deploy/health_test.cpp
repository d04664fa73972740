// SPDX-License-Identifier: Apache-2.0
// What GitOps tools think of our objects, for every state that they can be in: Flux, Helm and kpt
// by the kstatus library, Argo CD by the health script that deploy/argocd ships. The objects are
// made by the code that writes them in the operator.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <chrono>
#include <map>

#include "deploy/tools.h"
#include "reconcile/paused.h"
#include "reconcile/vm_host/status.h"
#include "reconcile/vm_migration/phases.h"
#include "reconcile/vm_migration/status.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using reconcile::vm_migration::EndState;

const std::string kArgo = sourcePath("deploy/argocd/resource_customizations/vnic.dev/_/");
const WallTime kNow = WallTime(std::chrono::hours(24 * 365 * 56));

// The status that the tools give, without the message.
std::string statusOf(const CommandResult& result) {
  if (!result.ok()) return result.err;
  const std::size_t kind = result.out.find(' ');
  const std::size_t name = result.out.find(' ', kind + 1);
  return result.out.substr(name + 1, result.out.find(' ', name + 1) - name - 1);
}

std::string kstatus(const json& object) {
  return statusOf(runCommand({deployTool("kstatus")}, object.dump()));
}

CommandResult argo(const std::string& object) {
  return runCommand({deployTool("argohealth"), kArgo + "health.lua"}, object);
}

json object(const char* kind, json status) {
  return {{"apiVersion", "vnic.dev/v1alpha1"},
          {"kind", kind},
          {"metadata", {{"name", "x"}, {"namespace", "default"}, {"generation", 1}}},
          {"status", std::move(status)}};
}

json migration(const std::string& phase, std::optional<EndState> end) {
  auto vmm = std::make_shared<api::VmMigration>();
  vmm->metadata.generation = 1;
  reconcile::vm_migration::Observation observation;
  observation.migration = vmm;
  observation.now = kNow;
  reconcile::vm_migration::Plan plan;
  plan.phase = phase;
  plan.reason = "Working";
  plan.message = "does what it does";
  if (end) plan.end = reconcile::vm_migration::End{*end, "Ended", "for a reason"};
  return object("VmMigration", toJson(buildStatus(observation, plan)));
}

json host(std::optional<Error> error, const std::string& availability = "Enabled") {
  api::VmHost host;
  host.metadata.generation = 1;
  host.spec.availability = availability;
  reconcile::vm_host::HostFacts facts;
  facts.error = std::move(error);
  facts.known = !facts.error;
  facts.snapshot.libvirt = reconcile::vm_host::kOldestLibvirt;
  facts.snapshot.qemu = reconcile::vm_host::kOldestQemu;
  return object("VmHost", toJson(reconcile::vm_host::buildStatus(
                              {host, facts, {}, {}, {}, "vnic-operator-system", kNow})));
}

struct Case {
  const char* name;
  json object;
  const char* kstatus;
  const char* argo;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class Health : public ::testing::TestWithParam<Case> {};

TEST_P(Health, IsWhatTheObjectSays) {
  const Case& c = GetParam();
  EXPECT_EQ(kstatus(c.object), c.kstatus) << c.object.dump(2);
  EXPECT_EQ(statusOf(argo(c.object.dump())), c.argo) << c.object.dump(2);
}

json changed(json object, const char* pointer, json value) {
  object[json::json_pointer(pointer)] = std::move(value);
  return object;
}

namespace phase = reconcile::vm_migration;

INSTANTIATE_TEST_SUITE_P(
    VmMigration, Health,
    ::testing::Values(
        Case{"New", object("VmMigration", {{"observedGeneration", -1}}), "InProgress",
             "Progressing"},
        Case{"Pending", migration(phase::kPending, {}), "InProgress", "Progressing"},
        Case{"Reserving", migration(phase::kReserving, {}), "InProgress", "Progressing"},
        Case{"Detaching", migration(phase::kDetaching, {}), "InProgress", "Progressing"},
        Case{"Migrating", migration(phase::kMigrating, {}), "InProgress", "Progressing"},
        Case{"Attaching", migration(phase::kAttaching, {}), "InProgress", "Progressing"},
        Case{"Succeeded", migration("", EndState::Succeeded), "Current", "Healthy"},
        Case{"Degraded", migration("", EndState::Degraded), "InProgress", "Degraded"},
        Case{"Failed", migration("", EndState::Failed), "Failed", "Degraded"},
        Case{"Cancelled", migration("", EndState::Cancelled), "Failed", "Degraded"},
        Case{"CancelJustAsked",
             changed(migration(phase::kMigrating, {}), "/metadata/generation", 2), "InProgress",
             "Progressing"},
        Case{"BeingDeleted",
             changed(migration(phase::kMigrating, {}), "/metadata/deletionTimestamp",
                     "2026-01-01T00:00:00Z"),
             "Terminating", "Progressing"},
        Case{"Paused",
             changed(migration(phase::kPending, {}), "/metadata/annotations",
                     {{"vnic.dev/paused", "true"}}),
             "InProgress", "Suspended"}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    VmHost, Health,
    ::testing::Values(
        Case{"New", object("VmHost", {{"observedGeneration", -1}}), "InProgress", "Progressing"},
        Case{"Ready", host({}), "Current", "Healthy"},
        Case{"NoInbound", host({}, "NoInbound"), "Current", "Healthy"},
        Case{"Unreachable", host(Error::transient("no route to host")), "InProgress", "Degraded"},
        Case{"InsecureURI", host(Error::invalid("qemu+tcp is refused")), "InProgress", "Degraded"},
        Case{"OutOfService", host(Error::transient("gone"), "OutOfService"), "InProgress",
             "Degraded"}),
    [](const auto& param) { return param.param.name; });

// The cases that are written down in Argo CD's own format.
TEST(ArgoHealth, AnswersAsItsOwnTestsSay) {
  const YAML::Node tests = YAML::LoadFile(kArgo + "health_test.yaml")["tests"];
  ASSERT_GT(tests.size(), 0u);
  for (const YAML::Node& test : tests) {
    const auto input = kArgo + test["inputPath"].as<std::string>();
    const YAML::Node object = YAML::LoadFile(input);
    const YAML::Node health = test["healthStatus"];
    EXPECT_EQ(argo(readFile(input)).out, object["kind"].as<std::string>() + " " +
                                             object["metadata"]["name"].as<std::string>() + " " +
                                             health["status"].as<std::string>() + " " +
                                             health["message"].as<std::string>() + "\n")
        << input;
  }
}

}  // namespace
}  // namespace vnic::test
