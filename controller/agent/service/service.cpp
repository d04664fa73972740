// SPDX-License-Identifier: Apache-2.0
#include "agent/service/service.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "agent/agent.h"
#include "agent/heartbeat.h"
#include "agent/kernel/linux_network.h"
#include "agent/kernel/monitor.h"
#include "agent/kernel/sysfs_pci.h"
#include "agent/reporters.h"
#include "app/shutdown.h"
#include "app/version.h"
#include "cache/informer.h"
#include "kube/connection.h"
#include "kube/kubeconfig.h"
#include "runtime/controller.h"
#include "runtime/enqueue.h"

namespace vnic::agent {
namespace {

using namespace std::chrono_literals;

// Two watches, the Lease and a few status writes.
constexpr std::size_t kTransportThreads = 2;
constexpr Duration kShutdownGrace = 15s;

cache::ReflectorOptions ofHost(const char* field, const std::string& host) {
  cache::ReflectorOptions options;
  options.fieldSelector = std::string(field) + "=" + host;
  options.seed =
      static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  return options;
}

runtime::Controller::Options controllerOptions(const char* name) {
  runtime::Controller::Options options;
  options.name = name;
  return options;
}

kube::RestOptions restOptions() {
  kube::RestOptions rest;
  rest.userAgent = std::string("vnic-agent/") + app::kVersion + " (linux/amd64)";
  rest.fieldManager = api::kAgentFieldManager;
  rest.requestDeadline = 5s;
  return rest;
}

class Service {
 public:
  Service(const Options& options, app::ShutdownSignals& signals, Logger log)
      : options_(options), signals_(signals), log_(std::move(log)) {}

  int run() {
    if (auto s = kube::initializeTransportThreads(kTransportThreads); !s) return give(s);
    auto network = kernel::LinuxNetwork::open();
    if (!network) return give(network);
    auto monitor = kernel::Monitor::open();
    if (!monitor) return give(monitor);
    auto ledger = Ledger::open(options_.stateDirectory);
    if (!ledger) return give(ledger);
    auto config = kube::loadClusterConfig(options_.kubeconfig, options_.context,
                                          kube::KubeEnvironment::fromProcess());
    if (!config) return give(config);
    auto connection = kube::Connection::open(std::move(*config), clock_, log_);
    if (!connection) return give(connection);
    const auto client = (*connection)->makeClient(restOptions(), nullptr, cut_.get_token());
    const auto leaseClient = (*connection)->makeClient(restOptions());
    Pins pins(*network, *ledger, log_);
    work(*client, *leaseClient, *network, **monitor, pins);
    return 0;
  }

 private:
  template <class T>
  int give(const T& failed) {
    log_.error("Cannot go on", {{"error", failed.error().message}});
    return EXIT_FAILURE;
  }

  void work(kube::Client& client, kube::Client& leaseClient, Network& network, Watch& watch,
            Pins& pins) {
    cache::Informer<api::VfReservation> reservations(ofHost("spec.hostName", options_.host), client,
                                                     clock_, log_);
    cache::Informer<api::VmHost> hosts(ofHost("metadata.name", options_.host), client, clock_,
                                       log_);
    const kernel::SysfsPci pci;
    Board board;
    Agent agent({network, pci, pins, watch, board, clock_,
                 [&reservations] { return reservations.store().list(); }, log_});
    ReservationReporter reservationReporter(board, reservations.store(), client, clock_);
    HostReporter hostReporter(board, hosts.store(), client);
    runtime::Controller reservationReports(controllerOptions("vfreservation"), reservationReporter,
                                           clock_, metrics_, log_);
    runtime::Controller hostReports(controllerOptions("vmhost"), hostReporter, clock_, metrics_,
                                    log_);
    board.onReport([&](const std::string& name) { reservationReports.queue().add({"", name}); });
    board.onFacts([&] { hostReports.queue().add({"", options_.host}); });
    // So that what somebody else removed from a status comes back.
    runtime::enqueueSelf(reservations, reservationReports.queue());
    runtime::enqueueSelf(hosts, hostReports.queue());
    reservations.onChange([&watch](const auto&) { watch.wake(); });
    reservations.start();
    hosts.start();
    Heartbeat heartbeat(leaseClient, clock_, options_.ns, options_.host, log_);
    // What is pinned from before has to stay until it is known who needs it.
    if (waitForSync(reservations)) {
      log_.info("Reservations are known", {{"host", options_.host}});
      heartbeat.start();
      reservationReports.start();
      hostReports.start();
      agent.run(signals_.token());
    }
    log_.info("Stopping", {});
    agent.release();
    cut_.request_stop();
    reservationReports.stop();
    hostReports.stop();
    heartbeat.stop();
    reservations.stop();
    hosts.stop();
  }

  // False when asked to end before.
  bool waitForSync(cache::InformerBase& informer) {
    while (!signals_.token().stop_requested()) {
      if (informer.waitForSync(30s, signals_.token())) return true;
      if (!signals_.token().stop_requested()) {
        log_.warn("The API server's list of reservations is not complete yet", {});
      }
    }
    return false;
  }

  const Options& options_;
  app::ShutdownSignals& signals_;
  const Logger log_;
  SystemClock clock_;
  runtime::Metrics metrics_;
  std::stop_source cut_;  // ends the requests under way
};

}  // namespace

int run(const Options& options) {
  const Logger log = Logger::toStderr(options.logFormat, options.logLevel);
  app::ShutdownSignals signals(kShutdownGrace, log);
  log.info("Starting", {{"version", app::kVersion}, {"host", options.host}});
  return Service(options, signals, log).run();
}

}  // namespace vnic::agent
