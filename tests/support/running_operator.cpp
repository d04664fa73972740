// SPDX-License-Identifier: Apache-2.0
#include "support/running_operator.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "kube/cpprest_transport.h"

namespace vnic::test {

void RunningOperator::initializeTransport() {
  static const Status done = kube::initializeTransportThreads(app::kTransportThreads);
  if (!done) throw std::runtime_error(done.error().message);
}

RunningOperator::RunningOperator(app::Options options, hypervisor::Hypervisor& hosts)
    : options_(std::move(options)),
      operator_(options_, hosts, stop_.get_token(),
                Logger::toStderr(options_.logFormat, options_.logLevel)) {
  initializeTransport();
  thread_ = std::thread([this] { exitCode_ = operator_.run(); });
}

int RunningOperator::stop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
  return exitCode_;
}

app::Options RunningOperator::optionsFor(const std::string& kubeconfig) {
  app::Options options;
  options.kubeconfig = kubeconfig;
  options.healthBindAddress = "0";
  options.metricsBindAddress = "0";
  options.logFormat = LogFormat::Text;
  options.logLevel = LogLevel::Error;
  return options;
}

}  // namespace vnic::test
