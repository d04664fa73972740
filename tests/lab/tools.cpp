// SPDX-License-Identifier: Apache-2.0
#include "lab/tools.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "support/eventually.h"
#include "support/source_tree.h"

namespace vnic::lab {
namespace {

using namespace std::chrono_literals;

const std::string kLab = test::sourcePath("tests/support/lab/lab");
const std::string kStack = test::sourcePath("tests/support/stack");

Arguments command(const std::string& program, const Arguments& arguments) {
  Arguments all{program};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Arguments kubectlCommand(const Arguments& arguments) {
  Arguments all{kStack, "kubectl"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::string must(const Arguments& argv, std::string_view input = {}) {
  const test::CommandResult result = test::runCommand(argv, input);
  if (result.ok()) return result.out;
  throw std::runtime_error(fmt::format("{} (exit {}): {}{}", fmt::join(argv, " "), result.exitCode,
                                       result.err, result.out));
}

}  // namespace

std::string lab(const Arguments& arguments) {
  return must(command(kLab, arguments));
}

test::CommandResult tryLab(const Arguments& arguments) {
  return test::runCommand(command(kLab, arguments));
}

std::string stack(const Arguments& arguments) {
  return must(command(kStack, arguments));
}

bool operatorRuns() {
  return test::runCommand(command(kStack, {"operator", "status"})).ok();
}

std::string kubectl(const Arguments& arguments, std::string_view input) {
  return must(kubectlCommand(arguments), input);
}

test::CommandResult tryKubectl(const Arguments& arguments, std::string_view input) {
  return test::runCommand(kubectlCommand(arguments), input);
}

Json object(const std::string& kind, const std::string& name, const std::string& ns) {
  return Json::parse(kubectl({"get", kind, name, "--namespace", ns, "--output", "json"}));
}

Json objects(const std::string& kind) {
  return Json::parse(kubectl({"get", kind, "--all-namespaces", "--output", "json"})).at("items");
}

void apply(const Json& object) {
  kubectl({"apply", "--filename", "-"}, object.dump());
}

bool eventually(std::chrono::seconds timeout, const std::function<bool()>& condition) {
  return test::eventually(timeout, condition, 300ms);
}

std::string otherHost(const std::string& host) {
  return host == "host1" ? "host2" : "host1";
}

}  // namespace vnic::lab
