// SPDX-License-Identifier: Apache-2.0
// What a running VM asks of a host that it may move to. Pure: libvirt's live definition in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/hypervisor.h"
#include "support/error.h"

namespace vnic::domain {

struct Disk {
  std::string target;  // "vda"
  std::string source;  // path of a file, directory or block device; "" = empty, or on the network
  bool readOnly = false;
};

struct GuestRequirements {
  hypervisor::GuestNeeds host;
  std::string cpuMode;         // custom, host-passthrough, maximum, ... "" = QEMU's default
  std::int64_t memoryKiB = 0;  // all that the guest can have, hot-plugged memory included
  bool hugepages = false;      // from a pool of their own, not from the host's free memory
  // <memtune><hard_limit>: libvirt locks the guest's memory for a VF up to this, and no further.
  std::optional<std::int64_t> memoryLimitKiB;
  std::vector<Disk> localDisks;  // by path: shared only if that path is, which no XML tells
};

Result<GuestRequirements> readRequirements(std::string_view liveXml);

}  // namespace vnic::domain
