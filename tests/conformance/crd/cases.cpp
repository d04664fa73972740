// SPDX-License-Identifier: Apache-2.0
#include "conformance/crd/cases.h"

#include <algorithm>
#include <filesystem>

namespace vnic::test {
namespace {

CrdCase readCase(const YAML::Node& node, const std::string& file, const std::string& kind) {
  CrdCase result;
  result.file = file;
  result.kind = kind;
  result.name = node["name"].as<std::string>();
  result.spec = node["spec"];
  result.status = node["status"];
  result.update = node["update"];
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
       std::filesystem::directory_iterator(VNIC_SOURCE_DIR "/tests/conformance/crd/cases")) {
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
