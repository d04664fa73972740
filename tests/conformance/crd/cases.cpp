// SPDX-License-Identifier: Apache-2.0
#include "conformance/crd/cases.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>

#include "support/source_tree.h"

namespace vnic::test {
namespace {

// A quoted scalar (yaml-cpp tags it "!") is a string whatever it looks like: status: "True".
nlohmann::json toJson(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return nullptr;
  if (node.IsSequence()) {
    auto list = nlohmann::json::array();
    for (const auto& item : node) list.push_back(toJson(item));
    return list;
  }
  if (node.IsMap()) {
    auto object = nlohmann::json::object();
    for (const auto& item : node) object[item.first.as<std::string>()] = toJson(item.second);
    return object;
  }
  std::int64_t number = 0;
  bool boolean = false;
  if (node.Tag() != "!" && YAML::convert<std::int64_t>::decode(node, number)) return number;
  if (node.Tag() != "!" && YAML::convert<bool>::decode(node, boolean)) return boolean;
  return node.as<std::string>();
}

CrdCase readCase(const YAML::Node& node, const std::string& file, const std::string& kind) {
  CrdCase result;
  result.file = file;
  result.kind = kind;
  result.name = node["name"].as<std::string>();
  result.spec = toJson(node["spec"]);
  result.status = toJson(node["status"]);
  result.update = toJson(node["update"]);
  const YAML::Node expect = node["expect"];
  if (expect.IsMap()) {
    result.rejection =
        Rejection{expect["field"].as<std::string>(), expect["message"].as<std::string>()};
  } else if (expect.as<std::string>() != "accepted") {
    throw YAML::Exception(expect.Mark(), file + ": expect is 'accepted' or {field, message}");
  }
  // Cases do not see each other's objects.
  result.objectName = node["objectName"].as<std::string>("");
  if (result.objectName.empty()) {
    for (const char c : result.name) {
      result.objectName += std::isalnum(static_cast<unsigned char>(c))
                               ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                               : '-';
    }
    result.objectName.resize(std::min<std::size_t>(result.objectName.size(), 62));
    result.objectName += 'x';  // a name must not end with '-'
  }
  return result;
}

}  // namespace

std::vector<CrdCase> loadCases() {
  std::vector<std::filesystem::path> files;
  for (const auto& file :
       std::filesystem::directory_iterator(sourcePath("tests/conformance/crd/cases"))) {
    if (file.path().extension() == ".yaml") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<CrdCase> cases;
  for (const auto& file : files) {
    const YAML::Node root = YAML::LoadFile(file);
    for (const auto& node : root["cases"]) {
      cases.push_back(readCase(node, file.stem(), root["kind"].as<std::string>()));
    }
  }
  return cases;
}

}  // namespace vnic::test
