// SPDX-License-Identifier: Apache-2.0
#include "lab/settled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "lab/migration.h"

namespace vnic::lab {
namespace {

using namespace std::chrono_literals;

using Vfs = std::vector<std::string>;  // one for each NIC of the guest

// "" = what was looked for is there; else what is not.
using Complaint = std::string;

void expectEventually(std::chrono::seconds timeout, const std::function<Complaint()>& look) {
  Complaint complaint;
  eventually(timeout, [&] {
    complaint = look();
    return complaint.empty();
  });
  EXPECT_EQ(complaint, "");
}

Complaint steering(const Guest& guest, const std::string& host, const Vfs& vfs) {
  Complaint complaint;
  for (const std::string at : {"host1", "host2"}) {
    const auto all = vfsOf(at);
    for (const HostVf& vf : all) {
      for (std::size_t i = 0; i < guest.nics.size(); ++i) {
        const GuestNic& nic = guest.nics[i];
        const bool wanted = at == host && vf.address == vfs[i];
        if (wanted && vf.color != nic.color) complaint += vf.address + " is not of " + nic.color;
        if (wanted != (vf.mac == nic.mac)) {
          complaint +=
              at + " " + vf.address + (wanted ? " lacks " : " still has ") + nic.mac + "; ";
        }
      }
    }
  }
  return complaint;
}

Complaint reservations(const Guest& guest, const std::string& host, const Vfs& vfs) {
  Complaint complaint;
  std::vector<std::string> wanted, found;
  for (std::size_t i = 0; i < vfs.size(); ++i) {
    wanted.push_back(host + " " + vfs[i] + " InUse " + guest.vnicOf(guest.nics[i]));
  }
  for (const Json& reservation : objects("vfreservations")) {
    const Json& spec = reservation.at("spec");
    const std::string holder = spec.at("holder").at("name");
    const bool ours = std::any_of(guest.nics.begin(), guest.nics.end(),
                                  [&](const GuestNic& nic) { return holder == guest.vnicOf(nic); });
    if (!ours && spec.value("vmUUID", "") != guest.uuid) continue;
    found.push_back(spec.at("hostName").get<std::string>() + " " +
                    spec.at("address").get<std::string>() + " " +
                    spec.at("purpose").get<std::string>() + " " + holder);
    if (spec.contains("migration")) complaint += found.back() + " names a migration; ";
  }
  std::sort(wanted.begin(), wanted.end());
  std::sort(found.begin(), found.end());
  if (found != wanted) {
    complaint += "reservations are " + testing::PrintToString(found) + ", not " +
                 testing::PrintToString(wanted);
  }
  return complaint;
}

Complaint claim(const Guest& guest) {
  for (const Json& lease : objects("leases")) {
    if (lease.at("metadata").at("name") != "vm-" + guest.uuid) continue;
    const std::string holder = lease.at("spec").value("holderIdentity", "");
    if (!holder.empty()) return "the VM is still claimed by " + holder;
  }
  return "";
}

Complaint vnics(const Guest& guest, const std::string& host, const Vfs& vfs) {
  Complaint complaint;
  for (std::size_t i = 0; i < vfs.size(); ++i) {
    const Json vnic = object("vnic", guest.vnicOf(guest.nics[i]));
    const Json status = vnic.value("status", Json::object());
    if (status.value("host", "") != host || status.value("vf", "") != vfs[i]) {
      complaint += "Vnic " + guest.vnicOf(guest.nics[i]) + " shows " + status.value("host", "") +
                   " " + status.value("vf", "") + "; ";
    }
    for (const std::string type : {"Ready", "Attached"}) {
      const Json c = condition(vnic, type);
      if (c.is_null() || c.at("status") != "True") complaint += type + " is not True; ";
    }
  }
  return complaint;
}

// The VF of each NIC in a definition.
Vfs expectVfs(const Guest& guest, const std::string& xml, const std::string& what) {
  Vfs vfs;
  for (const GuestNic& nic : guest.nics) {
    const auto vf = vfIn(xml, nic.mac);
    EXPECT_TRUE(vf) << what << " has no VF for " << nic.mac << ":\n" << xml;
    vfs.push_back(vf.value_or(""));
  }
  return vfs;
}

// Another id is another process.
std::string stateOf(const std::string& host, const std::string& guest) {
  std::istringstream info(lab({"virsh", host, "dominfo", guest}));
  std::string state;
  for (std::string line; std::getline(info, line);) {
    for (const char* field : {"Id:", "State:", "Persistent:", "Autostart:"}) {
      if (line.rfind(field, 0) == 0) state += line + "\n";
    }
  }
  return state;
}

}  // namespace

void expectSettled(const Guest& guest, const std::string& host) {
  SCOPED_TRACE(guest.name + " has to be in good order on " + host);
  ASSERT_EQ(hostOf(guest), host);
  EXPECT_THAT(domainsOf(otherHost(host)), testing::Not(testing::Contains(guest.name)));
  const Vfs vfs = expectVfs(guest, liveXml(host, guest.name), "the live definition");
  EXPECT_EQ(expectVfs(guest, persistentXml(host, guest.name), "the persistent definition"), vfs);

  expectEventually(20s, [&] { return steering(guest, host, vfs); });
  EXPECT_TRUE(answers(guest, 60s)) << guest.name << " is not reachable";
  for (const GuestNic& nic : guest.nics) {
    EXPECT_TRUE(eventually(90s, [&] { return seesVf(guest, nic); }))
        << "the guest sees no VF with " << nic.mac << ":\n"
        << lab({"nics", guest.name});
  }
  expectEventually(60s, [&] { return reservations(guest, host, vfs); });
  expectEventually(30s, [&] { return claim(guest); });
  expectEventually(60s, [&] { return vnics(guest, host, vfs); });
}

Untouched::Untouched(const Guest& guest) : guest_(guest), host_(hostOf(guest)), before_(look()) {}

Json Untouched::look() const {
  Json reservations;
  for (const Json& r : objects("vfreservations")) {
    if (r.at("spec").value("vmUUID", "") != guest_.uuid) continue;
    reservations[r.at("metadata").at("name").get<std::string>()] = r.at("spec");
  }
  return {
      {"live definition", liveXml(host_, guest_.name)},
      {"persistent definition", persistentXml(host_, guest_.name)},
      {"state", stateOf(host_, guest_.name)},
      // The guest prints its NICs whenever one comes or goes.
      {"what the guest saw", lab({"console", guest_.name})},
      {"domains of the other host", domainsOf(otherHost(host_))},
      {"reservations", reservations},
  };
}

void Untouched::check() const {
  const Json after = look();
  for (const auto& [what, before] : before_.items()) {
    EXPECT_EQ(after.at(what), before) << what << " changed";
  }
}

}  // namespace vnic::lab
