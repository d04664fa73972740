// SPDX-License-Identifier: Apache-2.0
// What deploy/monitoring and controller/docs/metrics.md promise, against a running operator and a
// real Prometheus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <chrono>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "deploy/operator_process.h"
#include "deploy/prometheus.h"
#include "support/eventually.h"

namespace vnic::test {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

constexpr auto kPatience = std::chrono::seconds(60);

const std::string kMonitoring = sourcePath("deploy/monitoring");
const std::string kAlerts = kMonitoring + "/alerts.yaml";

TEST(Alerts, FireWhenTheyShould) {
  for (const auto& command : {std::vector<std::string>{"check", "rules", kAlerts},
                              {"test", "rules", kMonitoring + "/alerts_test.yaml"}}) {
    const CommandResult result = promtool(command);
    EXPECT_TRUE(result.ok()) << result.out << result.err;
  }
}

TEST(Alerts, EachIsTestedBothWaysAndHasARunbook) {
  std::map<std::string, std::set<bool>> tested;  // does it fire?
  for (const auto& test : YAML::LoadFile(kMonitoring + "/alerts_test.yaml")["tests"]) {
    for (const auto& expected : test["alert_rule_test"]) {
      tested[expected["alertname"].as<std::string>()].insert(expected["exp_alerts"].size() > 0);
    }
  }
  std::set<std::string> runbooks;
  for (const auto& entry : std::filesystem::directory_iterator(kMonitoring + "/runbooks")) {
    runbooks.insert("deploy/monitoring/runbooks/" + entry.path().filename().string());
  }
  for (const auto& group : YAML::LoadFile(kAlerts)["groups"]) {
    for (const auto& rule : group["rules"]) {
      const auto name = rule["alert"].as<std::string>();
      EXPECT_EQ(tested[name], (std::set<bool>{false, true})) << name;
      const auto runbook = rule["annotations"]["runbook"].as<std::string>();
      EXPECT_EQ(runbook, "deploy/monitoring/runbooks/" + name + ".md");
      EXPECT_EQ(runbooks.erase(runbook), 1u) << runbook << " is missing";
    }
  }
  EXPECT_THAT(runbooks, IsEmpty()) << "of no alert";
}

// One metric, as it is documented or as it is served.
struct Metric {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const Metric&) const = default;
};
using MetricTable = std::map<std::string, Metric>;

void PrintTo(const Metric& metric, std::ostream* out) {
  *out << metric.type << ::testing::PrintToString(metric.labels);
}

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i) {
    found.insert((*i)[1]);
  }
  return found;
}

MetricTable documented() {
  MetricTable table;
  std::istringstream document(readFile(sourcePath("controller/docs/metrics.md")));
  const std::regex row(R"(\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([^|]*)\| .+ \| .+ \|)");
  for (std::string line; std::getline(document, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, row)) continue;
    table[found[1]] = {found[2], matches(found[3], std::regex("`([a-z_]+)`"))};
  }
  return table;
}

MetricTable served(const std::string& exposition) {
  MetricTable table;
  std::string name;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_match(line, found, std::regex("# TYPE ([^ ]+) ([a-z]+)"))) {
      name = found[1];
      table[name].type = found[2];
    } else if (!line.starts_with('#')) {
      auto labels =
          matches(line.substr(0, line.rfind('}') + 1), std::regex(R"re([{,]([a-z_]+)=")re"));
      labels.erase("le");
      table[name].labels.merge(labels);
    }
  }
  return table;
}

class Monitoring : public ::testing::Test {
 protected:
  Monitoring() {
    const CommandResult made = cluster_.kubectl({"create", "-f", "-"}, R"(
apiVersion: vnic.dev/v1alpha1
kind: VmHost
metadata: {name: host1}
spec: {libvirtURI: "qemu+tls://127.0.0.1:1/system"}
---
apiVersion: vnic.dev/v1alpha1
kind: VmMigration
metadata: {name: db-1, namespace: default}
spec: {vmName: db-1})");
    if (!made.ok()) throw std::runtime_error(made.err);
  }

  // What the operator serves once it leads and knows the host.
  std::string metrics() {
    std::string text;
    const auto ready = [&] {
      text = httpGet(operator_.metricsPort(), "/metrics");
      return text.find("vnic_host_connected{host=\"host1\"}") != std::string::npos &&
             text.find("leader_election_master_status{name=\"vnic-operator\"} 1") !=
                 std::string::npos;
    };
    if (!eventually(kPatience, ready, std::chrono::milliseconds(200))) {
      throw std::runtime_error("not ready:\n" + text + operator_.log());
    }
    return text;
  }

  ControlPlane cluster_;
  OperatorProcess operator_{cluster_};
};

TEST_F(Monitoring, ServesWhatIsDocumentedAndNothingElse) {
  const std::string text = metrics();
  const MetricTable document = documented();
  const MetricTable now = served(text);
  EXPECT_GE(document.size(), 30u);
  for (const auto& [name, metric] : now) {
    ASSERT_TRUE(document.contains(name)) << name << " is not in controller/docs/metrics.md";
    EXPECT_EQ(document.at(name), metric) << name;
  }
  for (const auto& [name, metric] : document) {
    EXPECT_TRUE(now.contains(name)) << name << " is documented and not served";
  }
  // Names and help texts, as Prometheus wants them.
  const CommandResult checked = promtool({"check", "metrics"}, text);
  EXPECT_TRUE(checked.ok()) << checked.out << checked.err;
}

// The dashboard's queries, with "all" for what a person can choose.
std::map<std::string, std::string> dashboardQueries() {
  std::map<std::string, std::string> queries;
  const json dashboard = json::parse(readFile(kMonitoring + "/dashboard.json"));
  for (const json& panel : dashboard.at("panels")) {
    for (const json& target : panel.at("targets")) {
      std::string expression = target.at("expr");
      for (const json& variable : dashboard.at("templating").at("list")) {
        const std::regex name("\\$" + variable.at("name").get<std::string>());
        expression = std::regex_replace(expression, name, variable.value("allValue", ""));
      }
      queries[panel.at("title").get<std::string>() + " " + target.at("refId").get<std::string>()] =
          expression;
    }
  }
  return queries;
}

TEST_F(Monitoring, PrometheusUnderstandsAlertsAndDashboard) {
  metrics();
  const Prometheus prometheus(operator_.metricsPort(), kAlerts);
  auto queries = dashboardQueries();
  EXPECT_GE(queries.size(), 20u);
  // A rate needs two scrapes.
  const auto allAnswered = [&] {
    std::erase_if(queries,
                  [&](const auto& entry) { return !prometheus.query(entry.second).empty(); });
    return queries.empty();
  };
  eventually(kPatience, allAnswered, std::chrono::milliseconds(300));
  EXPECT_THAT(queries, IsEmpty()) << "have no data";

  json rules = prometheus.get("/api/v1/rules").at("groups").at(0).at("rules");
  EXPECT_GE(rules.size(), 10u);
  for (const json& rule : rules) EXPECT_EQ(rule.at("health"), "ok") << rule.dump(2);
  // The host does not answer, and nobody has waited for 10 minutes yet.
  const json pending = prometheus.query("ALERTS{alertname=\"VnicHostUnreachable\"}");
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0]["metric"]["host"], "host1");
  EXPECT_EQ(pending[0]["metric"]["alertstate"], "pending");
}

}  // namespace
}  // namespace vnic::test
