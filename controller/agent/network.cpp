// SPDX-License-Identifier: Apache-2.0
#include "agent/network.h"

namespace vnic::agent {

const char* toString(VfChange::What what) {
  switch (what) {
    case VfChange::What::Mac:
      return "MAC";
    case VfChange::What::Vlan:
      return "VLAN";
    case VfChange::What::Rate:
      return "rates";
    case VfChange::What::Trust:
      return "trust";
    case VfChange::What::SpoofCheck:
      return "spoof check";
    case VfChange::What::LinkState:
      return "link state";
  }
  return "setting";
}

}  // namespace vnic::agent
