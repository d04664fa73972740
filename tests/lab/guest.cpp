// SPDX-License-Identifier: Apache-2.0
#include "lab/guest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>
#include <stdexcept>

namespace vnic::lab {
namespace {

// Guests that tests leave to later tests are called so; all others are left alone.
std::string sharedPrefix(const std::string& kind) {
  return "test-shared-" + kind + "-";
}

// What a failed test left behind must not meet the new one: names are not used again.
std::string newName(const std::string& prefix) {
  static int count = 0;
  return fmt::format("{}{}-{}", prefix, getpid(), ++count);
}

void define(const std::string& name, const std::string& kind, const std::string& host,
            const Arguments& options) {
  Arguments arguments{"define"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {host, kind, name});
  lab(arguments);
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

// The lab's list: a line "NAME on HOST", then one "  KIND COLOR MAC ADDRESS" for each NIC.
std::vector<Guest> listGuests() {
  std::vector<Guest> guests;
  for (const std::string& line : lines(lab({"guests"}))) {
    std::istringstream words(line);
    if (line.front() != ' ') {
      guests.emplace_back();
      words >> guests.back().name;
    } else {
      GuestNic nic;
      words >> nic.kind >> nic.color >> nic.mac;
      guests.back().nics.push_back(nic);
    }
  }
  return guests;
}

Guest findGuest(const std::string& name) {
  for (Guest& guest : listGuests()) {
    if (guest.name == name) return guest;
  }
  throw std::runtime_error("the lab has no guest " + name);
}

std::string uuidOf(const std::string& host, const std::string& name) {
  return lines(lab({"virsh", host, "domuuid", name})).at(0);
}

bool isInGoodOrder(const Guest& guest) {
  try {
    const std::string xml = liveXml(hostOf(guest), guest.name);
    return std::all_of(guest.nics.begin(), guest.nics.end(),
                       [&](const GuestNic& nic) {
                         return vfIn(xml, nic.mac) && seesVf(guest, nic) &&
                                tryKubectl({"get", "vnic", guest.vnicOf(nic)}).ok();
                       }) &&
           answers(guest, std::chrono::seconds(5));
  } catch (const std::exception&) {
    return false;
  }
}

// A guest that was started on host1, once it answers and its Vnics are ready.
Guest described(const std::string& name) {
  Guest guest = findGuest(name);
  guest.uuid = uuidOf("host1", guest.name);
  if (!answers(guest, std::chrono::seconds(180))) {
    throw std::runtime_error("guest " + guest.name + " does not answer after its start");
  }
  stack({"describe", guest.name});
  for (const GuestNic& nic : guest.nics) {
    kubectl({"wait", "--for=condition=Ready", "vnic/" + guest.vnicOf(nic), "--timeout=120s"});
  }
  return guest;
}

}  // namespace

Guest useGuest(const std::string& kind) {
  for (Guest& guest : listGuests()) {
    if (guest.name.rfind(sharedPrefix(kind), 0) != 0) continue;
    if (isInGoodOrder(guest)) {
      guest.uuid = uuidOf(hostOf(guest), guest.name);
      return guest;
    }
    removeWithVnics(guest);
  }
  const std::string name = newName(sharedPrefix(kind));
  define(name, kind, "host1", {});
  return described(name);
}

Guest makeGuest(const std::string& kind, const Arguments& options) {
  return described(defineGuest(kind, "host1", options));
}

void removeWithVnics(const Guest& guest) {
  deleteGuest(guest.name);
  for (const GuestNic& nic : guest.nics) {
    kubectl({"delete", "vnic", guest.vnicOf(nic), "--ignore-not-found", "--timeout=60s"});
  }
}

std::string defineGuest(const std::string& kind, const std::string& host,
                        const Arguments& options) {
  std::string name = newName("test-" + kind + "-");
  define(name, kind, host, options);
  return name;
}

void deleteGuest(const std::string& name) {
  lab({"delete", name});
}

std::string hostOf(const Guest& guest) {
  const auto hosts = lines(lab({"where", guest.name}));
  if (hosts.size() == 1) return hosts[0];
  throw std::runtime_error(fmt::format("{} runs on {} hosts", guest.name, hosts.size()));
}

std::string liveXml(const std::string& host, const std::string& guest) {
  return lab({"virsh", host, "dumpxml", guest});
}

std::string persistentXml(const std::string& host, const std::string& guest) {
  return lab({"virsh", host, "dumpxml", "--inactive", guest});
}

std::vector<std::string> domainsOf(const std::string& host) {
  return lines(lab({"virsh", host, "list", "--all", "--name"}));
}

std::optional<std::string> vfIn(const std::string& domainXml, const std::string& mac) {
  pugi::xml_document document;
  if (!document.load_string(domainXml.c_str())) throw std::runtime_error("unreadable domain XML");
  for (const auto nic : document.select_nodes("/domain/devices/interface[@type='hostdev']")) {
    if (nic.node().child("mac").attribute("address").as_string() != mac) continue;
    const auto address = nic.node().child("source").child("address");
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", address.attribute("domain").as_uint(),
                       address.attribute("bus").as_uint(), address.attribute("slot").as_uint(),
                       address.attribute("function").as_uint());
  }
  return std::nullopt;
}

std::vector<HostVf> vfsOf(const std::string& host) {
  const std::string text = lab({"ssh", host, R"(
for color_pf in blue:enp1s0 green:enp2s0; do
  pf=${color_pf#*:}
  for link in /sys/class/net/$pf/device/virtfn*; do
    echo ${color_pf%:*} $(basename $(readlink $link)) \
      $(ip link show dev $pf | sed -n "s/^ *vf ${link##*virtfn} *link.ether \([^ ]*\).*/\1/p")
  done
done)"});
  std::vector<HostVf> vfs;
  for (const std::string& line : lines(text)) {
    std::istringstream words(line);
    HostVf vf;
    words >> vf.color >> vf.address >> vf.mac;
    vfs.push_back(vf);
  }
  return vfs;
}

namespace {

// A field of `virsh domjobinfo --rawstats` of a running job.
std::optional<double> jobField(const std::string& host, const Guest& guest,
                               const std::string& field) {
  const auto job = tryLab({"virsh", host, "domjobinfo", guest.name, "--rawstats"});
  if (!job.ok()) return std::nullopt;
  for (const std::string& line : lines(job.out)) {
    if (line.rfind(field + ":", 0) == 0) return std::stod(line.substr(field.size() + 1));
  }
  return std::nullopt;
}

}  // namespace

bool isCopying(const std::string& host, const Guest& guest) {
  return jobField(host, guest, "data_processed").value_or(0) > 0;
}

std::optional<double> bytesToCopy(const std::string& host, const Guest& guest) {
  return jobField(host, guest, "memory_remaining");
}

bool answers(const Guest& guest, std::chrono::seconds timeout) {
  return tryLab({"wait-guest", guest.name, std::to_string(timeout.count())}).ok();
}

bool seesVf(const Guest& guest, const GuestNic& nic) {
  for (const std::string& line : lines(lab({"nics", guest.name}))) {
    if (line.find("mac=" + nic.mac) != std::string::npos &&
        line.find("driver=igbvf") != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace vnic::lab
