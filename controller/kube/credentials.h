// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "kube/cluster_config.h"
#include "kube/tls_material.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"

namespace vnic::kube {

// The token and certificates of a ClusterConfig, read again from their files every minute, because
// a kubelet (or cert-manager) rotates them in place. While a file is unreadable or half written the
// last good content stays in use. Thread-safe.
class Credentials {
 public:
  // Error (Terminal): a file cannot be read or does not hold what it should, now, at the start.
  static Result<std::unique_ptr<Credentials>> open(ClusterConfig config, Clock& clock,
                                                   Logger logger);

  // "Bearer ..." or "" when requests are authenticated by certificate, or not at all.
  std::string authorization();
  // The server answered 401 to `rejected`: read the token now. True when there is another one.
  bool refreshAfter401(const std::string& rejected);
  // Another pointer than before only when the content changed.
  std::shared_ptr<const TlsMaterial> tls();

  const ClusterConfig& config() const { return config_; }

 private:
  Credentials(ClusterConfig config, Clock& clock, Logger logger);
  Result<std::string> readToken() const;
  Result<TlsMaterial> readTls() const;
  void reloadToken();
  void reloadTls();

  const ClusterConfig config_;
  Clock& clock_;
  const Logger logger_;
  std::mutex mutex_;
  std::string token_;
  MonoTime tokenReadAt_{};
  std::shared_ptr<const TlsMaterial> tls_;
  MonoTime tlsReadAt_{};
};

}  // namespace vnic::kube
