// SPDX-License-Identifier: Apache-2.0
// A guest of the lab, and what hosts say of it. Nothing here asks the operator.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/tools.h"

namespace vnic::lab {

struct GuestNic {
  std::string kind;   // failover or vf
  std::string color;  // blue or green; the network is tenant-<color>
  std::string mac;
};

struct Guest {
  std::string name;
  std::string uuid;
  std::vector<GuestNic> nics;

  std::string vnicOf(const GuestNic& nic) const { return name + "-" + nic.color; }
};

// A running guest of that kind with a Vnic for each NIC: the one that an earlier test left in good
// order, else a new one. Kinds: see `lab help`.
Guest useGuest(const std::string& kind);
// Defines another one, without Vnics; returns its name. `options` are those of `lab define`.
std::string defineGuest(const std::string& kind, const std::string& host,
                        const Arguments& options = {});
void deleteGuest(const std::string& name);
// A running guest with a Vnic for each NIC that no other test uses; the caller removes it again.
Guest makeGuest(const std::string& kind, const Arguments& options = {});
void removeWithVnics(const Guest& guest);

// The host where it runs; throws when that is not exactly one.
std::string hostOf(const Guest& guest);

std::string liveXml(const std::string& host, const std::string& guest);
std::string persistentXml(const std::string& host, const std::string& guest);
// Names of all domains of a host, running or not.
std::vector<std::string> domainsOf(const std::string& host);
// PCI address of the VF that a domain's XML has for a MAC.
std::optional<std::string> vfIn(const std::string& domainXml, const std::string& mac);

// A VF as its PF sees it.
struct HostVf {
  std::string color;
  std::string address;  // 0000:01:10.0
  std::string mac;      // 00:00:00:00:00:00 while nobody uses it
};
std::vector<HostVf> vfsOf(const std::string& host);

// libvirt copies its memory to another host now, and some of it has gone over.
bool isCopying(const std::string& host, const Guest& guest);
// The memory that has yet to go over in that copy, in bytes.
std::optional<double> bytesToCopy(const std::string& host, const Guest& guest);

// Every address of every NIC answers.
bool answers(const Guest& guest, std::chrono::seconds timeout);
// The guest's own word: a VF with that MAC has its driver.
bool seesVf(const Guest& guest, const GuestNic& nic);

}  // namespace vnic::lab
