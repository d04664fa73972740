// SPDX-License-Identifier: Apache-2.0
// An HTTP server on loopback that does exactly what a test tells it to, also what no server should:
// answer slowly, never, half, too much, or with the wrong certificate.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/test_certificates.h"

namespace vnic::test {

struct PeerRequest {
  std::string method;
  std::string target;                          // path and query as sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string sni;            // "" = none sent
  std::string clientSubject;  // CN of the client's certificate, "" = none
  int connection = 0;         // 1 = the first connection that was made
};

// One connection. Writes go out at once; they return false when the client is gone.
class PeerConnection {
 public:
  PeerConnection(int fd, SSL* ssl, std::atomic<std::size_t>& bytesWritten)
      : fd_(fd), ssl_(ssl), bytesWritten_(bytesWritten) {}

  bool write(std::string_view bytes);
  bool respond(int status, std::string_view body,
               const std::map<std::string, std::string>& headers = {});
  bool beginChunked(int status, const std::map<std::string, std::string>& headers = {});
  bool chunk(std::string_view bytes);
  bool endChunked();
  void cut();  // closes, without a goodbye of HTTP or TLS
  // Is gone as after a power cut: no packet says so (root; plain connections only).
  void vanish();
  void waitUntilClosed();  // until the client closes or the peer is destroyed
  // Has it been closed by then? Only for plain connections on which nothing more is asked.
  bool closedWithin(std::chrono::milliseconds patience);

 private:
  friend class LoopbackPeer;
  std::size_t read(char* buffer, std::size_t size);
  std::optional<std::string> readUntil(std::string_view mark);
  std::optional<std::string> readExactly(std::size_t count);

  int fd_;
  SSL* ssl_;  // nullptr = plain
  std::atomic<std::size_t>& bytesWritten_;
  std::string pending_;
  bool cut_ = false;
};

class LoopbackPeer {
 public:
  // Called for each request, on the connection's thread.
  using Script = std::function<void(const PeerRequest&, PeerConnection&)>;

  struct Options {
    std::optional<CertificateAndKey> certificate;  // none = plain HTTP
    std::string clientCaPem;                       // asks for a client certificate of this CA
    std::string address = "127.0.0.1";             // or "::1"
  };

  LoopbackPeer(Options options, Script script);
  ~LoopbackPeer();
  LoopbackPeer(const LoopbackPeer&) = delete;
  LoopbackPeer& operator=(const LoopbackPeer&) = delete;

  // For connections from now on; those that are there keep theirs.
  void useCertificate(const CertificateAndKey& certificate);

  int port() const { return port_; }
  std::string url() const;
  std::vector<PeerRequest> requests() const;
  int connectionsAccepted() const { return accepted_; }
  std::size_t bytesWritten() const { return bytesWritten_; }  // of all responses
  // Waits, at most 10 s, until every connection was closed by the client; false when some are open.
  bool waitUntilAllClosed() const;

 private:
  void acceptLoop();
  void serve(int fd, int number);
  std::optional<PeerRequest> readRequest(PeerConnection& connection);
  SSL_CTX* makeContext(const CertificateAndKey& certificate) const;

  const Options options_;
  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  SSL_CTX* context_ = nullptr;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> open_ = 0;
  std::atomic<std::size_t> bytesWritten_ = 0;
  mutable std::mutex mutex_;
  std::vector<PeerRequest> requests_;
  std::vector<int> sockets_;
  struct Worker {
    std::atomic<bool> done = false;
    std::thread thread;
  };
  std::list<Worker> workers_;  // those that are done are joined at the next connection
  std::thread acceptor_;
};

}  // namespace vnic::test
