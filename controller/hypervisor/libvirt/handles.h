// SPDX-License-Identifier: Apache-2.0
// libvirt's reference-counted handles, owned.
#pragma once

#include <libvirt/libvirt.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vnic::hypervisor {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* handle) const {
    release(handle);
  }
};

using ConnectHandle = std::unique_ptr<virConnect, Release<&virConnectClose>>;
using DomainHandle = std::unique_ptr<virDomain, Release<&virDomainFree>>;
using NetworkHandle = std::unique_ptr<virNetwork, Release<&virNetworkFree>>;
using NodeDeviceHandle = std::unique_ptr<virNodeDevice, Release<&virNodeDeviceFree>>;
using CString = std::unique_ptr<char, Release<&std::free>>;

inline ConnectHandle share(virConnectPtr connection) {
  virConnectRef(connection);
  return ConnectHandle(connection);
}

inline std::string take(char* text) {
  const CString owned(text);
  return owned ? std::string(owned.get()) : std::string();
}

// Takes over an array of handles as virConnectListAll* return it.
template <class Handle>
std::vector<Handle> takeAll(typename Handle::pointer* array, int count) {
  std::vector<Handle> handles(array, array + count);
  std::free(array);
  return handles;
}

}  // namespace vnic::hypervisor
