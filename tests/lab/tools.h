// SPDX-License-Identifier: Apache-2.0
// The programs that drive the lab and the stack, as functions. They throw std::runtime_error with
// what the program said when it fails, unless they return a CommandResult.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/command.h"

namespace vnic::lab {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

inline constexpr char kNamespace[] = "default";  // of the lab's guests

// tests/support/lab/lab, on the hosts of the stack's run.
std::string lab(const Arguments& arguments);
test::CommandResult tryLab(const Arguments& arguments);
// tests/support/stack.
std::string stack(const Arguments& arguments);
bool operatorRuns();
std::string kubectl(const Arguments& arguments, std::string_view input = {});
test::CommandResult tryKubectl(const Arguments& arguments, std::string_view input = {});

Json object(const std::string& kind, const std::string& name, const std::string& ns = kNamespace);
// The items of all namespaces.
Json objects(const std::string& kind);
void apply(const Json& object);

// Asks until it holds; false when it did not within that time.
bool eventually(std::chrono::seconds timeout, const std::function<bool()>& condition);

// The other of the lab's two hosts.
std::string otherHost(const std::string& host);

}  // namespace vnic::lab
