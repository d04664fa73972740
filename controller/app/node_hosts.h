// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/node.h"
#include "api/vm_host.h"
#include "app/options.h"
#include "cache/informer.h"
#include "reconcile/node/reconciler.h"
#include "runtime/controller.h"
#include "runtime/metrics.h"
#include "runtime/tracking_client.h"

namespace vnic::app {

// The controller that makes VmHosts of Nodes, with the cache of Nodes that it alone needs. Only
// there where --node-libvirt-uri is set: nobody else has to have the right to read Nodes.
class NodeHosts {
 public:
  struct Ports {
    kube::Client& caches;
    kube::Client& passes;
    cache::Informer<api::VmHost>& hosts;
    Clock& clock;
    runtime::Metrics& metrics;
    Logger log;
  };

  // Before the hosts' informer starts.
  NodeHosts(const Options& options, Ports ports);

  cache::InformerBase& informer() { return nodes_; }
  runtime::Controller& controller() { return controller_; }

 private:
  cache::Informer<api::Node> nodes_;
  runtime::TrackingClient client_;
  reconcile::node::NodeReconciler reconciler_;
  runtime::Controller controller_;
};

}  // namespace vnic::app
