// SPDX-License-Identifier: Apache-2.0
// The port to the host's kernel. The adapter is kernel/; tests of the rules bring another.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/host_state.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::agent {

// One of the two things that keep the standby's path of a MAC open.
struct Pin {
  // Entry: the bridge's port for the MAC is this tap, whatever the bridge hears. Filter: this card
  // takes in what is sent to the MAC, also while one of its VFs has it.
  enum class Kind { Entry, Filter };

  Kind kind = Kind::Entry;
  int link = 0;
  std::string mac;

  auto operator<=>(const Pin&) const = default;
};

// One setting of a VF at its PF; exactly one of them per call, so that an error says which.
struct VfChange {
  enum class What { Mac, Vlan, Rate, Trust, SpoofCheck, LinkState };

  What what = What::Mac;
  VfSettings value;  // `number`, and the field(s) that `what` names
};
const char* toString(VfChange::What what);

class Network {
 public:
  virtual ~Network() = default;

  virtual Result<HostState> read() = 0;
  // Errors: AlreadyExists (a filter that is there), NotFound (no such device), Forbidden, Terminal
  // (the driver cannot), Transient.
  virtual Status add(const Pin& pin) = 0;
  // Success when it is not there.
  virtual Status remove(const Pin& pin) = 0;
  // Removes what the bridge has learned of the MAC on that port. Success when it is not there.
  virtual Status forget(int port, const std::string& mac) = 0;

  virtual Result<std::vector<VfSettings>> vfSettings(int pf) = 0;
  virtual Status change(int pf, const VfChange& change) = 0;

  // Tells all switches that the MAC is reached through this device: one RARP, tagged with the VLAN
  // unless that is 0.
  virtual Status announce(int link, const std::string& mac, int vlan) = 0;
};

// What the PCI bus shows of VFs.
class PciBus {
 public:
  struct Place {
    PciAddress pf;
    int number = 0;  // of the VF at its PF
  };

  virtual ~PciBus() = default;

  // nullopt: there is no such VF.
  virtual std::optional<Place> placeOf(const PciAddress& vf) const = 0;
  virtual std::vector<PciAddress> allVfs() const = 0;
  // A process (QEMU) has it open through vfio.
  virtual bool openByGuest(const PciAddress& vf) const = 0;
  // The guest's driver has asked for its interrupts: from here on the VF carries the traffic.
  virtual bool drivenByGuest(const PciAddress& vf) const = 0;
};

}  // namespace vnic::agent
