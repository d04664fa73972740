// SPDX-License-Identifier: Apache-2.0
#include "app/node_hosts.h"

#include <string>

#include "api/names.h"
#include "app/caches.h"
#include "runtime/enqueue.h"

namespace vnic::app {
namespace {

cache::ReflectorOptions nodeOptions() {
  cache::ReflectorOptions options = reflectorOptions(6);
  options.labelSelector = std::string(api::kVmHostLabel) + "=true";
  return options;
}

runtime::Controller::Options controllerOptions(runtime::TrackingClient& client) {
  runtime::Controller::Options options;
  options.name = "node";
  options.client = &client;
  return options;
}

}  // namespace

NodeHosts::NodeHosts(const Options& options, Ports ports)
    : nodes_(nodeOptions(), ports.caches, ports.clock, ports.log),
      client_(ports.passes, {{std::string(api::VmHost::resource.plural),
                              [&hosts = ports.hosts] { return hosts.resourceVersion(); }}}),
      reconciler_({nodes_.store(), ports.hosts.store(), client_, ports.clock, ports.log},
                  {options.nodeLibvirtURI}),
      controller_(controllerOptions(client_), reconciler_, ports.clock, ports.metrics, ports.log) {
  runtime::enqueueSelf(nodes_, controller_.queue());
  runtime::enqueueSelf(ports.hosts, controller_.queue());
}

}  // namespace vnic::app
