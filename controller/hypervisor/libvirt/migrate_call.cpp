// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/migrate_call.h"

#include "hypervisor/libvirt/connect_uri.h"
#include "hypervisor/libvirt/errors.h"

namespace vnic::hypervisor {
namespace {

class Parameters {
 public:
  Parameters() = default;
  ~Parameters() { virTypedParamsFree(params_, count_); }
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  void add(const char* name, const std::string& value) {
    if (!value.empty()) {
      failed_ |= virTypedParamsAddString(&params_, &count_, &capacity_, name, value.c_str()) < 0;
    }
  }
  void add(const char* name, unsigned long long value) {
    failed_ |= virTypedParamsAddULLong(&params_, &count_, &capacity_, name, value) < 0;
  }
  bool failed() const { return failed_; }
  virTypedParameterPtr get() const { return params_; }
  unsigned count() const { return static_cast<unsigned>(count_); }

 private:
  virTypedParameterPtr params_ = nullptr;
  int count_ = 0;
  int capacity_ = 0;
  bool failed_ = false;
};

}  // namespace

std::string streamUri(const std::string& migrationAddress) {
  if (migrationAddress.empty()) return "";
  const bool bareIpv6 =
      migrationAddress.find(':') != std::string::npos && migrationAddress.front() != '[';
  return bareIpv6 ? "tcp://[" + migrationAddress + "]" : "tcp://" + migrationAddress;
}

Status migrate(virDomainPtr domain, const MigrationRequest& request) {
  if (auto peer = checkPeerUri(request.peerURI); !peer) return peer;
  Parameters parameters;
  parameters.add(VIR_MIGRATE_PARAM_DEST_XML, request.destinationXml);
  parameters.add(VIR_MIGRATE_PARAM_PERSIST_XML, request.persistentXml);
  parameters.add(VIR_MIGRATE_PARAM_URI, streamUri(request.migrationAddress));
  if (request.bandwidthMiBPerSecond && *request.bandwidthMiBPerSecond > 0) {
    parameters.add(VIR_MIGRATE_PARAM_BANDWIDTH,
                   static_cast<unsigned long long>(*request.bandwidthMiBPerSecond));
  }
  if (parameters.failed()) return failLast("prepare the migration");
  unsigned flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PERSIST_DEST |
                   VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_ABORT_ON_ERROR;
  if (request.autoConverge) flags |= VIR_MIGRATE_AUTO_CONVERGE;
  if (request.tls) flags |= VIR_MIGRATE_TLS;
  if (virDomainMigrateToURI3(domain, request.peerURI.c_str(), parameters.get(), parameters.count(),
                             flags) < 0) {
    return failLast("migrate");
  }
  return {};
}

}  // namespace vnic::hypervisor
