// SPDX-License-Identifier: Apache-2.0
// URLs, base64 and the token bucket: the small parts a request is built from.
#include <gtest/gtest.h>

#include "kube/base64.h"
#include "kube/resource_path.h"
#include "kube/token_bucket.h"

namespace vnic::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr api::ResourceType kVnics{"vnic.dev", "v1alpha1", "vnics", "Vnic", true};
constexpr api::ResourceType kHosts{"vnic.dev", "v1alpha1", "vmhosts", "VmHost", false};
constexpr api::ResourceType kNodes{"", "v1", "nodes", "Node", false};

TEST(ResourcePath, FollowsTheApisLayout) {
  EXPECT_EQ(collectionPath(kVnics, ""), "/apis/vnic.dev/v1alpha1/vnics");
  EXPECT_EQ(collectionPath(kVnics, "team-a"), "/apis/vnic.dev/v1alpha1/namespaces/team-a/vnics");
  EXPECT_EQ(objectPath(kHosts, {"", "host1"}), "/apis/vnic.dev/v1alpha1/vmhosts/host1");
  EXPECT_EQ(objectPath(kVnics, {"team-a", "db-1"}, "status"),
            "/apis/vnic.dev/v1alpha1/namespaces/team-a/vnics/db-1/status");
  EXPECT_EQ(objectPath(kNodes, {"", "n1"}), "/api/v1/nodes/n1");
}

TEST(ResourcePath, ANameCannotLeaveItsPlace) {
  EXPECT_EQ(objectPath(kVnics, {"a/b", "../x?y=z#f"}),
            "/apis/vnic.dev/v1alpha1/namespaces/a%2Fb/vnics/..%2Fx%3Fy%3Dz%23f");
}

TEST(ResourcePath, EscapesValuesAndLeavesEmptyOnesOut) {
  EXPECT_EQ(withQuery("/p", {{"a", "1"}, {"b", ""}, {"c", "x=y,z w&é"}}),
            "/p?a=1&c=x%3Dy%2Cz%20w%26%C3%A9");
  EXPECT_EQ(withQuery("/p", {{"a", ""}}), "/p");
}

TEST(Base64, DecodesWhatKubeconfigsHold) {
  EXPECT_EQ(decodeBase64("aGVsbG8="), "hello");
  EXPECT_EQ(decodeBase64("aGVs\nbG8h\n"), "hello!");
  EXPECT_EQ(decodeBase64("YQ=="), "a");
  EXPECT_EQ(decodeBase64("AAAA"), std::string(3, '\0'));
}

TEST(Base64, RefusesSomethingElse) {
  for (const char* text : {"", "aGVsbG8", "a===", "$$$$", "-----BEGIN CERTIFICATE-----"}) {
    EXPECT_FALSE(decodeBase64(text)) << text;
  }
}

TEST(TokenBucket, LetsABurstThroughAndSpacesTheRest) {
  const MonoTime start{};
  TokenBucket bucket(10, 3, start);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(start), Duration::zero());
  EXPECT_EQ(bucket.take(start), milliseconds(100));
  EXPECT_EQ(bucket.take(start), milliseconds(200)) << "callers queue up behind each other";
  EXPECT_EQ(bucket.take(start + milliseconds(200)), milliseconds(100));
}

TEST(TokenBucket, FillsUpToTheBurstAndNoFurther) {
  const MonoTime start{};
  TokenBucket bucket(10, 2, start);
  const MonoTime later = start + seconds(3600);
  EXPECT_EQ(bucket.take(later), Duration::zero());
  EXPECT_EQ(bucket.take(later), Duration::zero());
  EXPECT_GT(bucket.take(later), Duration::zero());
}

TEST(TokenBucket, NoRateIsNoLimit) {
  TokenBucket bucket(0, 1, MonoTime{});
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bucket.take(MonoTime{}), Duration::zero());
}

}  // namespace
}  // namespace vnic::kube
