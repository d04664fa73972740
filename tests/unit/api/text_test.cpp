// SPDX-License-Identifier: Apache-2.0
#include "api/text.h"

#include <gtest/gtest.h>

namespace vnic::api {
namespace {

TEST(Bounded, KeepsWhatFits) {
  EXPECT_EQ(bounded("Brücke", 7), "Brücke");
}

TEST(Bounded, CutsAtACharacter) {
  EXPECT_EQ(bounded("Brücke", 3), "Br");
  EXPECT_EQ(bounded("Brücke", 4), "Brü");
}

TEST(Bounded, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(bounded("a\xff"
                    "b",
                    9),
            "a?b");
  EXPECT_EQ(bounded("\xc3", 9), "?");
  EXPECT_EQ(bounded("\xed\xa0\x80", 9), "???");       // a surrogate
  EXPECT_EQ(bounded("\xf0\x80\x80\x80", 9), "????");  // overlong
}

}  // namespace
}  // namespace vnic::api
