// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <memory>
#include <string>
#include <vector>

#include "hypervisor/libvirt/event_sink.h"

namespace vnic::hypervisor {

// Asks a connection for everything that is worth another look. What a host cannot send is left out:
// all of it is only a hint.
struct EventRegistration {
  std::vector<int> domain;
  std::vector<int> network;
  std::vector<int> nodeDevice;
};

EventRegistration registerEvents(virConnectPtr connection, const std::string& host,
                                 const std::shared_ptr<EventSink>& sink);
// May block like any call to the host.
void deregisterEvents(virConnectPtr connection, const EventRegistration& registration);

}  // namespace vnic::hypervisor
