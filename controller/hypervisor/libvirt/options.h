// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "support/clock.h"

namespace vnic::hypervisor {

struct LibvirtOptions {
  std::string pkiPath;         // client certificates for qemu+tls URIs that name none
  bool allowInsecure = false;  // qemu+tcp
  Duration connectTimeout = std::chrono::seconds(20);
  Duration queryTimeout = std::chrono::seconds(15);
  Duration snapshotTimeout = std::chrono::seconds(30);
  // Longer than libvirt's own wait of 30 s for a domain's job lock, so that its answer is seen.
  Duration changeTimeout = std::chrono::seconds(45);
  Duration abortTimeout = std::chrono::seconds(10);
  // The first waits between attempts to connect; they double up to the cap.
  Duration reconnectInitial = std::chrono::seconds(1);
  Duration reconnectCap = std::chrono::seconds(30);
  int keepAliveSeconds = 5;
  unsigned keepAliveCount = 3;  // a host that is silent for 5 x (3 + 1) s is disconnected
  std::size_t maxMigrations = 64;
};

}  // namespace vnic::hypervisor
