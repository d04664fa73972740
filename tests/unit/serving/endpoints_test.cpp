// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/gauge.h>

#include "runtime/metrics.h"
#include "serving/health_endpoint.h"
#include "serving/metrics_endpoint.h"

namespace vnic::serving {
namespace {

using runtime::Health;
using ::testing::HasSubstr;

Request get(const std::string& target) {
  Request request;
  request.method = "GET";
  setTarget(request, target);
  return request;
}

struct HealthCase {
  const char* target;
  bool synced;
  int status;
  const char* body;
};
class HealthEndpointTest : public ::testing::TestWithParam<HealthCase> {};

TEST_P(HealthEndpointTest, AnswersLikeOtherOperators) {
  const HealthCase& c = GetParam();
  Health health;
  health.add(Health::Kind::Liveness, "ping", [] { return "not asked here"; });
  health.add(Health::Kind::Readiness, "ping", [] { return std::nullopt; });
  health.add(Health::Kind::Readiness, "caches", [&]() -> std::optional<std::string> {
    if (c.synced) return std::nullopt;
    return "VmHosts are not listed yet";
  });
  const Response r = healthEndpoint(health, Health::Kind::Readiness, "/readyz")(get(c.target));
  EXPECT_EQ(r.status, c.status) << c.target;
  EXPECT_EQ(r.body, c.body) << c.target;
}

INSTANTIATE_TEST_SUITE_P(
    All, HealthEndpointTest,
    ::testing::Values(
        HealthCase{"/readyz", true, 200, "ok"},
        HealthCase{"/readyz", false, 500,
                   "[+]ping ok\n[-]caches failed: VmHosts are not listed yet\n"
                   "readyz check failed\n"},
        HealthCase{"/readyz?verbose", true, 200, "[+]ping ok\n[+]caches ok\nreadyz check passed\n"},
        HealthCase{"/readyz?exclude=caches", false, 200, "ok"},
        HealthCase{"/readyz/ping", false, 200, "ok"},
        HealthCase{"/readyz/caches", false, 500,
                   "[-]caches failed: VmHosts are not listed yet\nreadyz check failed\n"},
        HealthCase{"/readyz/unknown", true, 404, "No such check\n"}));

TEST(MetricsEndpoint, SpeaksPrometheusText) {
  runtime::Metrics metrics;
  prometheus::BuildGauge()
      .Name("vnic_virtual_functions")
      .Help("VFs")
      .Register(metrics.registry())
      .Add({{"host", "h\"1"}})
      .Set(3);
  const Response r = metricsEndpoint(metrics)(get("/metrics"));
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.contentType, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(r.body, HasSubstr("# TYPE vnic_virtual_functions gauge\n"
                                "vnic_virtual_functions{host=\"h\\\"1\"} 3\n"));
}

}  // namespace
}  // namespace vnic::serving
