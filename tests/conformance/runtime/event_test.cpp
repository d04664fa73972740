// SPDX-License-Identifier: Apache-2.0
// Events on a real API server, which checks every field of them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "conformance/runtime/api_server.h"
#include "runtime/event_recorder.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using runtime::Event;

json eventsWithReason(const std::string& ns, const std::string& reason) {
  const auto result = ApiServer::shared().controlPlane().kubectl(
      {"get", "events.events.k8s.io", "-n", ns, "-o", "json"});
  json matching = json::array();
  if (!result.ok()) return matching;
  const json list = json::parse(result.out);
  for (const auto& item : list["items"]) {
    if (item["reason"] == reason) matching.push_back(item);
  }
  return matching;
}

TEST(Events, AreAcceptedAndRepeatsBecomeASeries) {
  ApiServer& api = ApiServer::shared();
  runtime::EventRecorder::Options options;
  options.instance = "conformance";
  // What the server refuses is only in the log.
  const Logger log = Logger::toStderr(LogFormat::Text, LogLevel::Info);
  runtime::EventRecorder recorder(options, api.client(), api.clock(), log);
  recorder.start();
  Event event;
  event.regarding = {"vnic.dev/v1alpha1", "VmMigration", kOperatorNamespace, "move", "uid-1", "1"};
  event.type = runtime::EventType::Warning;
  event.reason = "ConformanceSeries";
  event.note = "guest said \xff, and \xc3\xa4";
  recorder.record(event);
  recorder.record(event);
  Event clusterScoped = event;
  clusterScoped.regarding = {"vnic.dev/v1alpha1", "VmHost", "", "host1", "uid-2", "1"};
  clusterScoped.related = event.regarding;
  clusterScoped.reason = "ConformanceHost";
  clusterScoped.action = "Connect";
  recorder.record(clusterScoped);

  ASSERT_TRUE(eventually([] { return !eventsWithReason("default", "ConformanceHost").empty(); }));
  recorder.stop();
  const json host = eventsWithReason("default", "ConformanceHost");
  EXPECT_EQ(host[0]["regarding"]["name"], "host1");
  EXPECT_EQ(host[0]["related"]["kind"], "VmMigration");
  const json series = eventsWithReason(kOperatorNamespace, "ConformanceSeries");
  ASSERT_EQ(series.size(), 1u) << "equal events are one object";
  EXPECT_EQ(series[0]["series"]["count"], 2);
  EXPECT_EQ(series[0]["type"], "Warning");
  EXPECT_EQ(series[0]["reportingController"], "vnic.dev/vnic-operator");
  EXPECT_EQ(series[0]["note"], "guest said \xef\xbf\xbd, and \xc3\xa4");
}

}  // namespace
}  // namespace vnic::test
