// SPDX-License-Identifier: Apache-2.0
#include "queue/rate_limiter.h"

#include <gtest/gtest.h>

namespace vnic::queue {
namespace {

using namespace std::chrono_literals;

const api::ObjectKey kA{"ns", "a"};
const api::ObjectKey kB{"ns", "b"};

TEST(RateLimiter, DoublesFromFiveMillisecondsForEachFailureInARow) {
  RateLimiter limiter;
  for (const Duration expected : {5ms, 10ms, 20ms, 40ms, 80ms, 160ms}) {
    EXPECT_EQ(limiter.next(kA), expected);
  }
  EXPECT_EQ(limiter.failures(kA), 6);
}

TEST(RateLimiter, StaysAtAThousandSecondsHoweverManyFailures) {
  RateLimiter limiter;
  for (int i = 0; i < 17; ++i) limiter.next(kA);
  EXPECT_EQ(limiter.next(kA), 655360ms);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(limiter.next(kA), 1000s);
}

TEST(RateLimiter, CountsEachItemForItself) {
  RateLimiter limiter;
  limiter.next(kA);
  limiter.next(kA);
  EXPECT_EQ(limiter.next(kB), 5ms);
}

TEST(RateLimiter, StartsAfreshForAForgottenItem) {
  RateLimiter limiter;
  limiter.next(kA);
  limiter.next(kA);
  limiter.forget(kA);
  EXPECT_EQ(limiter.failures(kA), 0);
  EXPECT_EQ(limiter.next(kA), 5ms);
}

}  // namespace
}  // namespace vnic::queue
