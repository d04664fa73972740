// SPDX-License-Identifier: Apache-2.0
// The API server asks the real operator's webhook. With admission off, the reconciler says the
// same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "conformance/admission/reviewed_control_plane.h"

namespace vnic::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<ReviewedControlPlane> shared;

class Environment : public ::testing::Environment {
 public:
  void SetUp() override { shared = std::make_unique<ReviewedControlPlane>(); }
  void TearDown() override { shared.reset(); }
};
const ::testing::Environment* const registered =
    ::testing::AddGlobalTestEnvironment(new Environment);

// Objects have names of their test, so that tests do not see each other's.
class WebhookConformance : public ::testing::Test {
 protected:
  void SetUp() override {
    shared->startOperator();
    shared->askOperator();
  }

  static std::string profile(const std::string& name, const std::string& spec,
                             const std::string& network = "blue") {
    return "---\n{apiVersion: vnic.dev/v1alpha1, kind: VnicProfile, metadata: {name: " + name +
           ", annotations: {vnic.dev/paused: '" + paused + "'}}, spec: {network: " + network +
           spec + "}}\n";
  }
  static std::string vnic(const std::string& name, const std::string& profile,
                          const std::string& more = "", const std::string& ns = "default") {
    return "---\n{apiVersion: vnic.dev/v1alpha1, kind: Vnic, metadata: {name: " + name +
           ", namespace: " + ns + "}, spec: {vmName: db, profile: {name: " + profile + "}" + more +
           "}}\n";
  }
  static CommandResult apply(const std::string& yaml) { return shared->apply(yaml); }
  static void accepted(const std::string& yaml) {
    const auto result = apply(yaml);
    ASSERT_TRUE(result.ok()) << result.err;
  }
  static std::string refusal(const CommandResult& result) {
    return result.ok() ? "accepted: " + result.out + result.err : result.err;
  }
  // "reason/status message" of a condition, "" while it is not there.
  static std::string condition(const std::string& object, const std::string& type) {
    return shared
        ->kubectl({"get", object, "-o",
                   "jsonpath={range .status.conditions[?(@.type==\"" + type +
                       "\")]}{.reason}/{.status} {.message}{end}"})
        .out;
  }

  // A profile of which the reconciler writes no vnicCount, so that the CRD's rules, which come
  // first, know nothing of its users.
  static inline std::string paused = "false";
};

TEST_F(WebhookConformance, RefusesAnUnsuitableFailoverLikeAnErrorOfTheSchema) {
  accepted(profile("suit-vf", ", passthrough: true"));
  EXPECT_THAT(refusal(apply(profile("suit", ", passthrough: true, failover: {name: suit-vf}"))),
              AllOf(HasSubstr("The VnicProfile \"suit\" is invalid: spec.failover: "),
                    HasSubstr("names 'suit-vf', which is passthrough itself")));
}

TEST_F(WebhookConformance, TellsEverythingThatIsWrongInOneAnswer) {
  paused = "true";
  accepted(profile("all-vf", ", passthrough: true") + profile("all-standby", "") +
           profile("all", ", passthrough: true, failover: {name: all-standby}") +
           vnic("all-a", "all") + vnic("all-b", "all"));
  const auto result = apply(profile("all", ", passthrough: true, failover: {name: all-vf}"));
  paused = "false";
  EXPECT_THAT(refusal(result),
              AllOf(HasSubstr("which is passthrough itself"),
                    HasSubstr("may not be set, changed or removed while Vnics use the profile: "
                              "default/all-a, default/all-b")));
}

TEST_F(WebhookConformance, FreezesWhatIsInUse) {
  paused = "true";
  accepted(profile("froz-standby", "") +
           profile("froz", ", passthrough: true, failover: {name: froz-standby}") +
           vnic("froz-a", "froz"));
  EXPECT_THAT(
      refusal(apply(profile("froz", ""))),
      AllOf(HasSubstr("spec.passthrough: may not be changed"), HasSubstr("spec.failover: ")));
  EXPECT_THAT(refusal(apply(profile("froz-standby", ", passthrough: true"))),
              HasSubstr("spec.passthrough: must be false while it is the failover of froz"));
  EXPECT_THAT(
      refusal(shared->kubectl({"delete", "--wait=false", "vnicprofile", "froz"})),
      HasSubstr("InUse: the profile may not be deleted while Vnics use it: default/froz-a"));
  EXPECT_THAT(refusal(shared->kubectl({"delete", "--wait=false", "vnicprofile", "froz-standby"})),
              HasSubstr("InUseAsFailover"));
  // Deleting users first and then the rest is allowed at once, however far behind the caches are.
  EXPECT_TRUE(shared->kubectl({"delete", "vnic", "froz-a"}).ok());
  const auto done = shared->kubectl({"delete", "--wait=false", "vnicprofile", "froz"});
  EXPECT_TRUE(done.ok()) << done.err;
  paused = "false";
}

TEST_F(WebhookConformance, WarnsOfWhatIsLegalAndSurprising) {
  accepted(profile("warn-standby", ", mtu: 9000"));
  EXPECT_THAT(apply(profile("warn-alone", ", passthrough: true")).err,
              HasSubstr("Warning: OutageWhileMigrating: `spec.failover` is not set"));
  EXPECT_THAT(
      apply(profile("warn", ", passthrough: true, vlan: 7, failover: {name: warn-standby}")).err,
      AllOf(HasSubstr("Warning: VlansDiffer"), HasSubstr("Warning: MtusDiffer")));
  EXPECT_EQ(apply(profile("warn-standby", ", mtu: 9000")).err, "") << "nothing changed";
}

TEST_F(WebhookConformance, ObjectsMayComeInAnyOrder) {
  const auto result = apply(vnic("order-a", "order") +
                            profile("order", ", passthrough: true, failover: {name: order-s}") +
                            profile("order-s", ""));
  EXPECT_TRUE(result.ok()) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("Warning: ProfileNotFound"), HasSubstr("Warning: FailoverNotFound")));
  EXPECT_TRUE(eventually([] {
    return condition("vnicprofile/order", "Accepted").starts_with("Accepted/True");
  })) << condition("vnicprofile/order", "Accepted");
  // In the right order there is nothing to warn of, however quickly one follows the other.
  const auto right = apply(profile("order-s2", "") +
                           profile("order2", ", passthrough: true, failover: {name: order-s2}") +
                           vnic("order-b", "order2"));
  EXPECT_EQ(right.err, "");
}

TEST_F(WebhookConformance, RefusesAMacThatTheNetworkHasAlready) {
  accepted(profile("mac-a", "", "macs") + profile("mac-b", "", "macs") +
           profile("mac-c", "", "others") +
           vnic("mac-1", "mac-a", ", macAddress: '52:54:00:00:00:0a'"));
  EXPECT_THAT(refusal(apply(vnic("mac-2", "mac-b", ", macAddress: '52:54:00:00:00:0A'"))),
              HasSubstr("spec.macAddress: is 52:54:00:00:00:0a, which vnic default/mac-1 has"));
  accepted(vnic("mac-3", "mac-c", ", macAddress: '52:54:00:00:00:0a'"));
  EXPECT_TRUE(shared->kubectl({"delete", "vnic", "mac-1"}).ok());
  accepted(vnic("mac-2", "mac-b", ", macAddress: '52:54:00:00:00:0a'"));
}

TEST_F(WebhookConformance, RefusesNamespacesThatTheProfileDoesNotAllow) {
  ASSERT_TRUE(shared->kubectl({"create", "namespace", "ns-out"}).ok());
  ASSERT_TRUE(shared->kubectl({"create", "namespace", "ns-in"}).ok());
  ASSERT_TRUE(shared->kubectl({"label", "namespace", "ns-in", "tenant=blue"}).ok());
  accepted(profile(
      "ns-p", ", allowedNamespaces: {from: Selector, selector: {matchLabels: {tenant: blue}}}"));
  accepted(vnic("a", "ns-p", "", "ns-in"));
  EXPECT_THAT(
      refusal(apply(vnic("a", "ns-p", "", "ns-out"))),
      HasSubstr("spec.profile.name: names 'ns-p', which may not be used in namespace ns-out"));
  ASSERT_TRUE(shared->kubectl({"label", "namespace", "ns-out", "tenant=blue"}).ok());
  accepted(vnic("a", "ns-p", "", "ns-out"));
}

// The reasons, in the order of the causes, with which the API server refuses.
std::vector<std::string> reasonsOfRefusal(const std::string& yaml) {
  // --v=8 shows the answer's body; kubectl itself leaves the causes' reasons out.
  const auto result = shared->kubectl({"create", "--dry-run=server", "--v=9", "-f", "-"}, yaml);
  std::vector<std::string> reasons;
  const auto begin = result.err.find("\"causes\":");
  if (result.ok() || begin == std::string::npos) return reasons;
  const auto end = result.err.find(']', begin);
  const auto causes =
      nlohmann::json::parse(result.err.substr(begin + 9, end - begin - 8), nullptr, false);
  for (const auto& cause : causes) {
    if (cause.is_object()) reasons.push_back(cause.value("reason", ""));
  }
  return reasons;
}

TEST_F(WebhookConformance, ReconcilerSaysTheSameWhenNobodyIsAsked) {
  accepted(profile("off-vf", ", passthrough: true") +
           profile("off-user", ", passthrough: true, failover: {name: off-standby}"));
  const std::string wrongFailover =
      profile("off-a", ", passthrough: true, failover: {name: off-vf}");
  const std::string wrongStandby = profile("off-standby", ", passthrough: true");
  ASSERT_EQ(reasonsOfRefusal(wrongFailover), std::vector<std::string>{"FailoverIsPassthrough"});
  ASSERT_EQ(reasonsOfRefusal(wrongStandby), std::vector<std::string>{"PassthroughIsFailover"});
  shared->askNobody();
  accepted(wrongFailover + wrongStandby +
           profile("off-b", ", passthrough: true, failover: {name: missing}"));
  const auto becomes = [](const std::string& name, const std::string& reason) {
    EXPECT_TRUE(eventually([&] {
      return condition("vnicprofile/" + name, "Accepted").starts_with(reason + "/False");
    })) << condition("vnicprofile/" + name, "Accepted");
  };
  becomes("off-a", "FailoverIsPassthrough");
  becomes("off-standby", "PassthroughIsFailover");
  becomes("off-b", "FailoverNotFound");
  becomes("off-user", "FailoverIsPassthrough");
  EXPECT_THAT(condition("vnicprofile/off-a", "Accepted"),
              HasSubstr("`spec.failover` names 'off-vf', which is passthrough itself"));
  // What slipped through can be mended once the webhook is asked again, a step at a time.
  shared->askOperator();
  const auto labelled =
      shared->kubectl({"label", "vnicprofile", "off-a", "off-standby", "mended=soon"});
  EXPECT_TRUE(labelled.ok()) << labelled.err;
  accepted(profile("off-a", ", passthrough: true, vlan: 7, failover: {name: off-vf}"));
  accepted(profile("off-standby", ""));
  becomes("off-b", "FailoverNotFound");
}

// The API server keeps a connection for each authority that it was told of, so each step needs one
// that it has not seen yet.
TEST_F(WebhookConformance, NewCertificatesAreServedWithoutARestart) {
  const TestAuthority next("next authority"), stranger("stranger");
  shared->trust(stranger);
  EXPECT_TRUE(eventually([] { return !shared->isAsked(); }))
      << "an answer that the API server does not believe is none";
  shared->installCertificate(next);
  shared->trust(next);
  EXPECT_TRUE(eventually([] { return shared->isAsked(); })) << shared->process().log();
  EXPECT_TRUE(shared->process().alive());
  EXPECT_THAT(shared->process().readiness(), HasSubstr("[+]webhook ok"));
  shared->installCertificate(shared->authority());
}

TEST_F(WebhookConformance, DeadOperatorStandsInNobodysWay) {
  accepted(profile("dead", ", passthrough: true"));
  shared->process().kill();
  const auto begin = std::chrono::steady_clock::now();
  accepted(profile("dead", ", passthrough: true, vlan: 7") + vnic("dead-a", "dead"));
  EXPECT_TRUE(shared->kubectl({"delete", "vnic", "dead-a"}).ok());
  EXPECT_TRUE(shared->kubectl({"create", "configmap", "dead-other"}).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "refused connections cost no time";
}

TEST_F(WebhookConformance, HangingOperatorDelaysOnlyChangesOfItsOwnSpecs) {
  accepted(profile("hang", "") + vnic("hang-a", "hang"));
  shared->process().signal(SIGSTOP);
  const auto took = [](const std::vector<std::string>& arguments) {
    const auto begin = std::chrono::steady_clock::now();
    const auto result = shared->kubectl(arguments);
    EXPECT_TRUE(result.ok()) << result.err;
    return std::chrono::steady_clock::now() - begin;
  };
  EXPECT_LT(took({"create", "configmap", "hang-other"}), 4s);
  EXPECT_LT(took({"label", "vnic", "hang-a", "a=b"}), 4s) << "metadata does not wait";
  EXPECT_LT(took({"delete", "--wait=false", "vnic", "hang-a"}), 4s);
  const auto slow =
      took({"patch", "vnicprofile", "hang", "--type=merge", "-p", R"({"spec":{"vlan":7}})"});
  EXPECT_GE(slow, 4s) << "it was expected to wait for the webhook";
  EXPECT_LT(slow, 15s) << "and no longer than timeoutSeconds says";
  shared->process().signal(SIGCONT);
}

}  // namespace
}  // namespace vnic::test
