// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/node.h"
#include "api/vm_host.h"
#include "cache/store.h"
#include "kube/client.h"
#include "reconcile/contract/reconciler.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::reconcile::node {

// Gives every Node that is a VM host (the label kVmHostLabel) a VmHost of its name, and lets that
// follow the Node. To be asked again for a name when its Node or its VmHost changes.
//
// - A VmHost is made once and never deleted: VMs may run there whatever becomes of the Node.
// - A cordoned Node's host is NoInbound until it is uncordoned. The annotation kCordonedAnnotation
//   says that this is our word; what a person says of availability stays.
// - A Node that is not ready, or gone, is unknown and never dead: a condition says so, nothing else
//   changes. Only a person's OutOfService gives up what a host holds.
// - Of a VmHost that a person made (without the label kFromNodeLabel), only availability and that
//   condition follow, and only where its nodeName says that it is this Node.
class NodeReconciler final : public Reconciler {
 public:
  struct Ports {
    const cache::Store<api::Node>& nodes;
    const cache::Store<api::VmHost>& hosts;
    kube::Client& client;
    Clock& clock;
    Logger log;
  };
  struct Options {
    std::string libvirtURI;  // of the hosts, with {name} and {internalIP} of the Node
  };

  NodeReconciler(Ports ports, Options options)
      : ports_(std::move(ports)), options_(std::move(options)) {}

  Result<Done> reconcile(const api::ObjectKey& key, std::stop_token stop) override;

 private:
  // True when something was changed.
  Result<bool> applySpec(const api::Node& node, const api::VmHost* host);
  Status tellNode(const api::Node* node, const api::VmHost& host);

  Ports ports_;
  Options options_;
};

}  // namespace vnic::reconcile::node
