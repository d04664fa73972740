// SPDX-License-Identifier: Apache-2.0
#include "lab/vnic.h"

#include <fmt/format.h>
#include <unistd.h>

#include <pugixml.hpp>
#include <sstream>

#include "lab/migration.h"

namespace vnic::lab {

using namespace std::chrono_literals;

TestVnic::TestVnic(const std::string& vm, const std::string& profile) {
  static int count = 0;
  name_ = fmt::format("test-{}-{}", getpid(), ++count);
  apply({{"apiVersion", "vnic.dev/v1alpha1"},
         {"kind", "Vnic"},
         {"metadata", {{"name", name_}, {"namespace", kNamespace}}},
         {"spec", {{"vmName", vm}, {"profile", {{"name", profile}}}}}});
}

TestVnic::~TestVnic() {
  (void)tryKubectl({"delete", "vnic", name_, "--ignore-not-found", "--timeout=60s"});
}

std::string TestVnic::uid() const {
  return object().at("metadata").at("uid");
}

std::string TestVnic::mac() const {
  const auto read = [&] { return object().value(Json::json_pointer("/status/macAddress"), ""); };
  eventually(30s, [&] { return !read().empty(); });
  return read();
}

void TestVnic::waitReady() const {
  kubectl({"wait", "--for=condition=Ready", "vnic/" + name_, "--timeout=180s"});
}

void TestVnic::setState(const std::string& desiredState) const {
  kubectl({"patch", "vnic", name_, "--type", "merge", "--patch",
           Json{{"spec", {{"desiredState", desiredState}}}}.dump()});
}

void TestVnic::waitDetached() const {
  kubectl({"wait", "--for=condition=Attached=false", "vnic/" + name_, "--timeout=180s"});
}

std::vector<std::string> TestVnic::reservations() const {
  std::vector<std::string> found;
  for (const Json& reservation : objects("vfreservations")) {
    const Json& spec = reservation.at("spec");
    if (spec.at("holder").at("name") != name_) continue;
    found.push_back(fmt::format("{} {} {}", spec.at("hostName").get<std::string>(),
                                spec.at("address").get<std::string>(),
                                spec.at("purpose").get<std::string>()));
  }
  return found;
}

std::vector<Interface> interfacesOf(const std::string& domainXml, const std::string& mac) {
  pugi::xml_document document;
  if (!document.load_string(domainXml.c_str())) throw std::runtime_error("unreadable domain XML");
  std::vector<Interface> found;
  for (const auto& node : document.document_element().child("devices").children("interface")) {
    if (node.child("mac").attribute("address").as_string() != mac) continue;
    const auto address = node.child("address");
    found.push_back(
        {node.attribute("type").value(), mac, node.child("alias").attribute("name").value(),
         node.child("teaming").attribute("persistent").value(),
         fmt::format("{:04x}:{:02x}:{:02x}.{:x}", address.attribute("domain").as_uint(),
                     address.attribute("bus").as_uint(), address.attribute("slot").as_uint(),
                     address.attribute("function").as_uint())});
  }
  return found;
}

std::vector<std::string> historyIn(const std::string& console, const std::string& mac) {
  std::vector<std::string> history;
  bool standby = false, vf = false;
  std::istringstream lines(console);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("NICS ", 0) == 0) standby = vf = false;
    if (line.rfind("NIC ", 0) == 0 && line.find("mac=" + mac) != std::string::npos) {
      standby |= line.find("driver=virtio_net") != std::string::npos;
      vf |= line.find("driver=igbvf") != std::string::npos;
    }
    if (line.rfind("NICS-END", 0) != 0) continue;
    const std::string now = standby && vf ? "standby+vf" : standby ? "standby" : vf ? "vf" : "";
    if (history.empty() || history.back() != now) history.push_back(now);
  }
  return history;
}

}  // namespace vnic::lab
