// SPDX-License-Identifier: Apache-2.0
#include "serving/router.h"

#include <gtest/gtest.h>

namespace vnic::serving {
namespace {

struct Route {
  const char* method;
  const char* target;
  int status;
  const char* body;
};
class RouterTest : public ::testing::TestWithParam<Route> {};

TEST_P(RouterTest, ChoosesByPath) {
  Router router;
  router.add("/readyz", [](const Request& r) { return Response{200, "", "ready " + r.path}; });
  router.add("/metrics", [](const Request&) { return Response{200, "", "metrics"}; });
  Request request;
  request.method = GetParam().method;
  setTarget(request, GetParam().target);
  const Response response = router(request);
  EXPECT_EQ(response.status, GetParam().status) << GetParam().target;
  EXPECT_EQ(response.body, GetParam().body) << GetParam().target;
}

INSTANTIATE_TEST_SUITE_P(
    All, RouterTest,
    ::testing::Values(Route{"GET", "/readyz", 200, "ready /readyz"},
                      Route{"GET", "/readyz?verbose", 200, "ready /readyz"},
                      Route{"GET", "/readyz/caches", 200, "ready /readyz/caches"},
                      Route{"HEAD", "/metrics", 200, "metrics"},
                      Route{"GET", "/readyzz", 404, "Not found\n"},
                      Route{"GET", "/", 404, "Not found\n"}, Route{"GET", "", 404, "Not found\n"},
                      Route{"GET", "*", 404, "Not found\n"},
                      Route{"GET", "http://elsewhere/metrics", 404, "Not found\n"},
                      Route{"POST", "/metrics", 405, "Method not allowed\n"}));

TEST(Target, IsSplitIntoPathAndQuery) {
  Request request;
  setTarget(request, "/readyz?verbose&exclude=a=b&&x=");
  EXPECT_EQ(request.path, "/readyz");
  EXPECT_EQ(request.query,
            (std::map<std::string, std::string>{{"verbose", ""}, {"exclude", "a=b"}, {"x", ""}}));
  setTarget(request, "/plain");
  EXPECT_TRUE(request.query.empty());
}

}  // namespace
}  // namespace vnic::serving
