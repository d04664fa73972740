// SPDX-License-Identifier: Apache-2.0
#include "cache/own_writes.h"

#include <gtest/gtest.h>

namespace vnic::cache {
namespace {

const api::ObjectKey kA{"ns", "a"};
const api::ObjectKey kB{"ns", "b"};

TEST(ResourceVersions, CompareAsIntegersOfAnyLength) {
  const auto older = std::strong_ordering::less;
  EXPECT_EQ(compareResourceVersions("9", "10"), older);
  EXPECT_EQ(compareResourceVersions("99999999999999999999999", "100000000000000000000000"), older);
  EXPECT_EQ(compareResourceVersions("123", "124"), older);
  EXPECT_EQ(compareResourceVersions("", "1"), older);
  EXPECT_EQ(compareResourceVersions("42", "42"), std::strong_ordering::equal);
}

TEST(OwnWrites, ACacheMustHavePassedTheLastWrite) {
  OwnWrites writes;
  EXPECT_TRUE(writes.seenBy(kA, "")) << "never written: any cache will do";
  writes.record(kA, "99");
  writes.record(kA, "101");
  EXPECT_FALSE(writes.seenBy(kA, ""));
  EXPECT_FALSE(writes.seenBy(kA, "100"));
  EXPECT_TRUE(writes.seenBy(kA, "101"));
}

TEST(OwnWrites, KeysDoNotMatterToEachOther) {
  OwnWrites writes;
  writes.record(kA, "7");
  EXPECT_TRUE(writes.seenBy(kB, "1"));
  EXPECT_FALSE(writes.seenBy(kA, "1"));
}

TEST(OwnWrites, AnAnswerThatArrivesLateDoesNotMakeTheLastWriteOlder) {
  OwnWrites writes;
  writes.record(kA, "10");
  writes.record(kA, "9");
  EXPECT_FALSE(writes.seenBy(kA, "9"));
}

}  // namespace
}  // namespace vnic::cache
