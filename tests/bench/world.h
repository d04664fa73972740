// SPDX-License-Identifier: Apache-2.0
// What all measurements are about: hosts with two PFs each, VMs with one failover pair each, spread
// evenly. Names and addresses follow from numbers, so that the program that makes the objects, the
// operator's hosts in memory and the peer's agree without a word.
#pragma once

#include <string>

#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "support/fake_hypervisor.h"

namespace vnic::bench {

inline constexpr char kNamespace[] = "bench";

struct WorldSize {
  int hosts = 2;
  int vfsPerHost = 128;  // half of them on each PF; at most 128
  int vms = 0;           // at most hosts * vfsPerHost / 2, so that all can move
};

std::string hostName(int host);
std::string vmName(int vm);
std::string vmUuid(int vm);
std::string macOf(int vm);
std::string vfAddress(int index);  // of the VF with that number on its host
int hostOf(const WorldSize& world, int vm);

api::VmHostSpec hostSpec(int host);
api::VnicProfileSpec standbyProfile();   // "blue-standby"
api::VnicProfileSpec failoverProfile();  // "blue"
api::VnicSpec vnicSpec(int vm);

// All hosts with all VMs running on them. What they are told takes no time: a migration is through
// when it is looked at for the first time.
void buildHosts(test::FakeHypervisor& hosts, const WorldSize& world);

}  // namespace vnic::bench
