// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "support/clock.h"
#include "support/log.h"

namespace boost::asio::ssl {
class context;
}

namespace vnic::serving {

// The certificate of a TLS server: tls.crt and tls.key (PEM, unencrypted) of a folder, as a Secret
// of type kubernetes.io/tls looks when it is mounted. Every look at it sees whether the files have
// changed, so a new certificate serves from the next connection on. Files that do not fit (a
// half-written change, a key of another certificate) are told and leave the last good one in place.
// Thread-safe.
class ServerCertificate {
 public:
  ServerCertificate(std::filesystem::path folder, const Clock& clock, const Logger& log);
  ~ServerCertificate();

  // For the next connection: TLS 1.2 or newer, no client certificates. nullptr = there is none yet.
  std::shared_ptr<boost::asio::ssl::context> context();
  // Why nobody can connect: none was ever read, or it has expired. nullopt = all is fine.
  std::optional<std::string> problem();

 private:
  void readAgainIfChanged();  // with mutex_ held

  const std::filesystem::path folder_;
  const Clock& clock_;
  const Logger log_;
  std::mutex mutex_;
  std::string filesSeen_;  // what tells one state of the files from another
  bool settled_ = false;   // they had not changed lately when they were read
  std::shared_ptr<boost::asio::ssl::context> context_;
  WallTime expires_;
  std::string failure_;  // of the last reading, "" = it went well
};

}  // namespace vnic::serving
