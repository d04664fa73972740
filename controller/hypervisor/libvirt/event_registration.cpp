// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/event_registration.h"

#include <utility>

namespace vnic::hypervisor {
namespace {

struct Target {
  std::string host;
  std::shared_ptr<EventSink> sink;

  void emit(virDomainPtr domain, std::string what) const {
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    if (domain) virDomainGetUUIDString(domain, uuid);
    sink->emit({host, uuid, std::move(what)});
  }
};

const Target& target(void* opaque) {
  return *static_cast<const Target*>(opaque);
}
void release(void* opaque) {
  delete static_cast<Target*>(opaque);
}

const char* lifecycleName(int event) {
  switch (event) {
    case VIR_DOMAIN_EVENT_DEFINED:
      return "defined";
    case VIR_DOMAIN_EVENT_UNDEFINED:
      return "undefined";
    case VIR_DOMAIN_EVENT_STARTED:
      return "started";
    case VIR_DOMAIN_EVENT_SUSPENDED:
      return "suspended";
    case VIR_DOMAIN_EVENT_RESUMED:
      return "resumed";
    case VIR_DOMAIN_EVENT_STOPPED:
      return "stopped";
    case VIR_DOMAIN_EVENT_SHUTDOWN:
      return "shutdown";
    case VIR_DOMAIN_EVENT_CRASHED:
      return "crashed";
    default:
      return "lifecycle";
  }
}

// Callbacks run on the event loop's thread: a call to libvirt from here would stall every
// connection.
void onLifecycle(virConnectPtr, virDomainPtr domain, int event, int, void* opaque) {
  target(opaque).emit(domain, lifecycleName(event));
}

void onDeviceAdded(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) {
  target(opaque).emit(domain, std::string("device-added ") + alias);
}

void onDeviceRemoved(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) {
  target(opaque).emit(domain, std::string("device-removed ") + alias);
}

void onDeviceRemovalFailed(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) {
  target(opaque).emit(domain, std::string("device-removal-failed ") + alias);
}

void onJobCompleted(virConnectPtr, virDomainPtr domain, virTypedParameterPtr, int, void* opaque) {
  target(opaque).emit(domain, "job-completed");
}

void onNetwork(virConnectPtr, virNetworkPtr, int, int, void* opaque) {
  target(opaque).emit(nullptr, "network");
}

void onNodeDevice(virConnectPtr, virNodeDevicePtr, int, int, void* opaque) {
  target(opaque).emit(nullptr, "node-device");
}

void keep(std::vector<int>& ids, int id, Target* unused) {
  if (id >= 0) {
    ids.push_back(id);
  } else {
    delete unused;  // libvirt did not take it over
  }
}

}  // namespace

EventRegistration registerEvents(virConnectPtr connection, const std::string& host,
                                 const std::shared_ptr<EventSink>& sink) {
  EventRegistration registration;
  const auto domainEvent = [&](int event, virConnectDomainEventGenericCallback callback) {
    auto* opaque = new Target{host, sink};
    keep(registration.domain,
         virConnectDomainEventRegisterAny(connection, nullptr, event, callback, opaque, release),
         opaque);
  };
  domainEvent(VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(onLifecycle));
  domainEvent(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(onDeviceAdded));
  domainEvent(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(onDeviceRemoved));
  domainEvent(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
              VIR_DOMAIN_EVENT_CALLBACK(onDeviceRemovalFailed));
  domainEvent(VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(onJobCompleted));

  auto* network = new Target{host, sink};
  keep(registration.network,
       virConnectNetworkEventRegisterAny(connection, nullptr, VIR_NETWORK_EVENT_ID_LIFECYCLE,
                                         VIR_NETWORK_EVENT_CALLBACK(onNetwork), network, release),
       network);
  auto* nodeDevice = new Target{host, sink};
  keep(registration.nodeDevice,
       virConnectNodeDeviceEventRegisterAny(connection, nullptr, VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE,
                                            VIR_NODE_DEVICE_EVENT_CALLBACK(onNodeDevice),
                                            nodeDevice, release),
       nodeDevice);
  return registration;
}

void deregisterEvents(virConnectPtr connection, const EventRegistration& registration) {
  for (const int id : registration.domain) virConnectDomainEventDeregisterAny(connection, id);
  for (const int id : registration.network) virConnectNetworkEventDeregisterAny(connection, id);
  for (const int id : registration.nodeDevice) {
    virConnectNodeDeviceEventDeregisterAny(connection, id);
  }
}

}  // namespace vnic::hypervisor
