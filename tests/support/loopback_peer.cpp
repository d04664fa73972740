// SPDX-License-Identifier: Apache-2.0
#include "support/loopback_peer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace vnic::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

X509* readCertificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* cert = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return cert;
}

EVP_PKEY* readKey(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

std::string commonName(X509* cert) {
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
  return name;
}

std::string head(int status, const std::map<std::string, std::string>& headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  return text;
}

}  // namespace

bool PeerConnection::write(std::string_view bytes) {
  while (!bytes.empty() && !cut_) {
    const auto wanted = std::min<std::size_t>(bytes.size(), 64 << 10);
    const long written = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(wanted))
                                         : ::send(fd_, bytes.data(), wanted, MSG_NOSIGNAL);
    if (written <= 0) return false;
    bytesWritten_ += static_cast<std::size_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return !cut_;
}

bool PeerConnection::respond(int status, std::string_view body,
                             const std::map<std::string, std::string>& headers) {
  return write(head(status, headers) + "Content-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + std::string(body));
}

bool PeerConnection::beginChunked(int status, const std::map<std::string, std::string>& headers) {
  return write(head(status, headers) + "Transfer-Encoding: chunked\r\n\r\n");
}

bool PeerConnection::chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return write(size + std::string(bytes) + "\r\n");
}

bool PeerConnection::endChunked() {
  return write("0\r\n\r\n");
}

void PeerConnection::cut() {
  cut_ = true;
  ::shutdown(fd_, SHUT_RDWR);
}

void PeerConnection::vanish() {
  // A socket that is closed under repair sends nothing.
  const int on = 1;
  if (::setsockopt(fd_, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) {
    throw std::runtime_error("loopback peer: vanishing needs root");
  }
  cut_ = true;
}

void PeerConnection::waitUntilClosed() {
  char buffer[4096];
  while (read(buffer, sizeof buffer) > 0) {
  }
  cut_ = true;
}

bool PeerConnection::closedWithin(std::chrono::milliseconds patience) {
  pollfd readable{fd_, POLLIN, 0};
  char byte = 0;
  if (::poll(&readable, 1, static_cast<int>(patience.count())) == 1 &&
      ::recv(fd_, &byte, 1, MSG_PEEK) <= 0) {
    cut_ = true;
  }
  return cut_;
}

std::size_t PeerConnection::read(char* buffer, std::size_t size) {
  const long count = ssl_ != nullptr ? SSL_read(ssl_, buffer, static_cast<int>(size))
                                     : ::recv(fd_, buffer, size, 0);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::optional<std::string> PeerConnection::readUntil(std::string_view mark) {
  for (;;) {
    if (const auto found = pending_.find(mark); found != std::string::npos) {
      std::string text = pending_.substr(0, found + mark.size());
      pending_.erase(0, found + mark.size());
      return text;
    }
    char buffer[4096];
    const std::size_t count = read(buffer, sizeof buffer);
    if (count == 0) return std::nullopt;
    pending_.append(buffer, count);
  }
}

std::optional<std::string> PeerConnection::readExactly(std::size_t wanted) {
  while (pending_.size() < wanted) {
    char buffer[4096];
    const std::size_t count = read(buffer, sizeof buffer);
    if (count == 0) return std::nullopt;
    pending_.append(buffer, count);
  }
  std::string text = pending_.substr(0, wanted);
  pending_.erase(0, wanted);
  return text;
}

LoopbackPeer::LoopbackPeer(Options options, Script script)
    : options_(std::move(options)), script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);  // SSL_write has no MSG_NOSIGNAL
  const bool v6 = options_.address.find(':') != std::string::npos;
  listener_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in v4Address{};
  v4Address.sin_family = AF_INET;
  ::inet_pton(AF_INET, options_.address.c_str(), &v4Address.sin_addr);
  sockaddr_in6 v6Address{};
  v6Address.sin6_family = AF_INET6;
  ::inet_pton(AF_INET6, options_.address.c_str(), &v6Address.sin6_addr);
  auto* address =
      v6 ? reinterpret_cast<sockaddr*>(&v6Address) : reinterpret_cast<sockaddr*>(&v4Address);
  socklen_t length = v6 ? sizeof v6Address : sizeof v4Address;
  if (::bind(listener_, address, length) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, address, &length) != 0) {
    throw std::runtime_error("loopback peer: cannot listen on " + options_.address);
  }
  port_ = ntohs(v6 ? v6Address.sin6_port : v4Address.sin_port);
  if (options_.certificate) context_ = makeContext(*options_.certificate);
  acceptor_ = std::thread([this] { acceptLoop(); });
}

LoopbackPeer::~LoopbackPeer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
  }
  for (Worker& worker : workers_) worker.thread.join();
  ::close(listener_);
  SSL_CTX_free(context_);
}

std::string LoopbackPeer::url() const {
  const std::string host = options_.address.find(':') == std::string::npos
                               ? options_.address
                               : "[" + options_.address + "]";
  return (options_.certificate ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

std::vector<PeerRequest> LoopbackPeer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool LoopbackPeer::waitUntilAllClosed() const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (open_ > 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void LoopbackPeer::useCertificate(const CertificateAndKey& certificate) {
  SSL_CTX* context = makeContext(certificate);
  const std::lock_guard lock(mutex_);
  SSL_CTX_free(std::exchange(context_, context));  // its connections hold on to the old one
}

SSL_CTX* LoopbackPeer::makeContext(const CertificateAndKey& certificate) const {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  X509* cert = readCertificate(certificate.certPem);
  EVP_PKEY* key = readKey(certificate.keyPem);
  SSL_CTX_use_certificate(context, cert);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(cert);
  EVP_PKEY_free(key);
  if (!options_.clientCaPem.empty()) {
    X509* authority = readCertificate(options_.clientCaPem);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const unsigned char id[] = "peer";
    SSL_CTX_set_session_id_context(context, id, sizeof id);
  }
  return context;
}

void LoopbackPeer::acceptLoop() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;  // pieces go out as they are written, without waiting for acknowledgements
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    workers_.remove_if([](Worker& worker) {
      if (!worker.done) return false;
      worker.thread.join();
      return true;
    });
    const std::lock_guard lock(mutex_);
    sockets_.push_back(fd);
    ++open_;
    const int number = ++accepted_;
    Worker& worker = workers_.emplace_back();
    worker.thread = std::thread([this, &worker, fd, number] {
      serve(fd, number);
      worker.done = true;
    });
  }
}

void LoopbackPeer::serve(int fd, int number) {
  SSL* ssl = nullptr;
  bool usable = true;
  if (options_.certificate) {
    {
      const std::lock_guard lock(mutex_);
      ssl = SSL_new(context_);
    }
    SSL_set_fd(ssl, fd);
    usable = SSL_accept(ssl) == 1;
  }
  PeerConnection connection(fd, ssl, bytesWritten_);
  while (usable && !stopping_ && !connection.cut_) {
    auto request = readRequest(connection);
    if (!request) break;
    request->connection = number;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
    }
    script_(*request, connection);
  }
  SSL_free(ssl);
  ERR_clear_error();
  {
    const std::lock_guard lock(mutex_);
    sockets_.erase(std::find(sockets_.begin(), sockets_.end(), fd));
    ::close(fd);
  }
  --open_;
}

std::optional<PeerRequest> LoopbackPeer::readRequest(PeerConnection& connection) {
  const auto text = connection.readUntil("\r\n\r\n");
  if (!text) return std::nullopt;
  PeerRequest request;
  const auto lineEnd = text->find("\r\n");
  const auto space = text->find(' ');
  const auto secondSpace = text->find(' ', space + 1);
  request.method = text->substr(0, space);
  request.target = text->substr(space + 1, secondSpace - space - 1);
  for (auto begin = lineEnd + 2; begin + 2 < text->size();) {
    const auto end = text->find("\r\n", begin);
    const std::string line = text->substr(begin, end - begin);
    const auto colon = line.find(':');
    const auto value = line.find_first_not_of(' ', colon + 1);
    request.headers[lower(line.substr(0, colon))] =
        value == std::string::npos ? "" : line.substr(value);
    begin = end + 2;
  }
  if (const auto length = request.headers.find("content-length"); length != request.headers.end()) {
    auto body = connection.readExactly(std::stoul(length->second));
    if (!body) return std::nullopt;
    request.body = std::move(*body);
  }
  if (connection.ssl_ != nullptr) {
    const char* sni = SSL_get_servername(connection.ssl_, TLSEXT_NAMETYPE_host_name);
    if (sni != nullptr) request.sni = sni;
    if (X509* cert = SSL_get1_peer_certificate(connection.ssl_)) {
      request.clientSubject = commonName(cert);
      X509_free(cert);
    }
  }
  return request;
}

}  // namespace vnic::test
