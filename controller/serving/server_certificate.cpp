// SPDX-License-Identifier: Apache-2.0
#include "serving/server_certificate.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <ctime>
#include <utility>

#include "support/error.h"
#include "support/time_format.h"

namespace vnic::serving {
namespace {

namespace ssl = boost::asio::ssl;

constexpr Duration kSettling = std::chrono::seconds(2);

struct FileState {
  std::string signature;  // tells one state of the file from another; "" = it is not there
  WallTime changed;
};

// A mounted Secret changes by a symlink that points elsewhere; stat follows it.
FileState stateOf(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return {};
  FileState state;
  for (const auto number :
       {std::int64_t(info.st_dev), std::int64_t(info.st_ino), std::int64_t(info.st_size),
        std::int64_t(info.st_mtim.tv_sec), std::int64_t(info.st_mtim.tv_nsec)}) {
    state.signature += std::to_string(number) + " ";
  }
  state.changed = std::chrono::system_clock::from_time_t(info.st_mtim.tv_sec);
  return state;
}

std::string lastOpensslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

struct Loaded {
  std::shared_ptr<ssl::context> context;
  WallTime expires;
};

Result<Loaded> load(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  Loaded loaded;
  loaded.context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = loaded.context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // Never asks the terminal for the password of an encrypted key.
  SSL_CTX_set_default_passwd_cb(native, [](char*, int, int, void*) { return 0; });
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(native, certificate.c_str()) != 1) {
    return fail(
        Error::invalid(certificate.string() + " is not a PEM certificate: " + lastOpensslError()));
  }
  // Checks that the two belong together, too.
  if (SSL_CTX_use_PrivateKey_file(native, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(
        Error::invalid(key.string() + " is not the certificate's key: " + lastOpensslError()));
  }
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(native)), &end) != 1) {
    return fail(Error::invalid(certificate.string() + " does not say until when it is valid"));
  }
  loaded.expires = std::chrono::system_clock::from_time_t(timegm(&end));
  return loaded;
}

}  // namespace

ServerCertificate::ServerCertificate(std::filesystem::path folder, const Clock& clock,
                                     const Logger& log)
    : folder_(std::move(folder)), clock_(clock), log_(log) {}
ServerCertificate::~ServerCertificate() = default;

void ServerCertificate::readAgainIfChanged() {
  const auto certificate = folder_ / "tls.crt", key = folder_ / "tls.key";
  const FileState first = stateOf(certificate), second = stateOf(key);
  if (first.signature.empty() || second.signature.empty()) {
    failure_ = (first.signature.empty() ? certificate : key).string() + " does not exist";
    return;
  }
  const std::string files = first.signature + second.signature;
  if (files == filesSeen_ && settled_) return;
  const bool news = files != filesSeen_;
  filesSeen_ = files;
  // File systems keep time coarsely: a file may change again without a trace in its times.
  settled_ = clock_.wall() - std::max(first.changed, second.changed) > kSettling;
  auto loaded = load(certificate, key);
  if (!loaded) {
    failure_ = loaded.error().message;
    if (news) log_.warn("The server's certificate cannot be used", {{"error", failure_}});
    return;
  }
  failure_.clear();
  context_ = std::move(loaded->context);
  expires_ = loaded->expires;
  if (news) log_.info("Read the server's certificate", {{"expires", formatTime(expires_)}});
}

std::shared_ptr<ssl::context> ServerCertificate::context() {
  const std::lock_guard lock(mutex_);
  readAgainIfChanged();
  return context_;
}

std::optional<std::string> ServerCertificate::problem() {
  const std::lock_guard lock(mutex_);
  readAgainIfChanged();
  if (!context_) return failure_;
  if (expires_ > clock_.wall()) return std::nullopt;
  return "the certificate expired at " + formatTime(expires_) +
         (failure_.empty() ? std::string() : "; " + failure_);
}

}  // namespace vnic::serving
