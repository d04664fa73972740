// SPDX-License-Identifier: Apache-2.0
#include "kube/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace vnic::kube {
namespace {

constexpr Duration kReloadInterval = std::chrono::seconds(60);

Result<std::string> readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(
        Error::terminal(fmt::format("{}: {}", path, std::generic_category().message(errno))));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<std::string> dataOrFile(const std::string& data, const std::string& path) {
  if (!data.empty() || path.empty()) return data;
  return readFile(path);
}

// A token goes into a header: nothing but visible characters, or it could forge others.
bool isToken(const std::string& text) {
  const auto visible = [](char c) { return c > ' ' && c <= '~'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), visible);
}

}  // namespace

Credentials::Credentials(ClusterConfig config, Clock& clock, Logger logger)
    : config_(std::move(config)), clock_(clock), logger_(std::move(logger)) {}

Result<std::unique_ptr<Credentials>> Credentials::open(ClusterConfig config, Clock& clock,
                                                       Logger logger) {
  std::unique_ptr<Credentials> credentials(
      new Credentials(std::move(config), clock, std::move(logger)));
  auto tls = credentials->readTls();
  if (!tls) return fail(tls.error());
  auto token = credentials->readToken();
  if (!token) return fail(token.error());
  credentials->tls_ = std::make_shared<const TlsMaterial>(std::move(*tls));
  credentials->token_ = std::move(*token);
  credentials->tlsReadAt_ = credentials->tokenReadAt_ = clock.now();
  return credentials;
}

Result<std::string> Credentials::readToken() const {
  // client-go lets the file win over the literal token, because only the file can be renewed.
  if (config_.tokenFile.empty()) {
    if (config_.token.empty() || isToken(config_.token)) return config_.token;
    return fail(Error::terminal(config_.source + ": the token has characters no token has"));
  }
  auto text = readFile(config_.tokenFile);
  if (!text) return text;
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back())) != 0) {
    text->pop_back();
  }
  if (!isToken(*text)) {
    return fail(Error::terminal(fmt::format("{}: is empty or not a token", config_.tokenFile)));
  }
  return text;
}

Result<TlsMaterial> Credentials::readTls() const {
  TlsMaterial material;
  material.serverName = config_.tlsServerName;
  material.insecureSkipVerify = config_.insecureSkipTlsVerify;
  for (const auto& [target, data, path] :
       {std::tuple(&material.caPem, &config_.caData, &config_.caFile),
        std::tuple(&material.clientCertPem, &config_.clientCertData, &config_.clientCertFile),
        std::tuple(&material.clientKeyPem, &config_.clientKeyData, &config_.clientKeyFile)}) {
    auto text = dataOrFile(*data, *path);
    if (!text) return fail(text.error());
    *target = std::move(*text);
  }
  if (const Status usable = checkTlsMaterial(material); !usable) {
    return fail(Error::terminal(fmt::format("{}: {}", config_.source, usable.error().message)));
  }
  return material;
}

void Credentials::reloadToken() {
  tokenReadAt_ = clock_.now();
  auto token = readToken();
  if (token) {
    token_ = std::move(*token);
  } else {
    logger_.warn("Kept the old token, the file cannot be used", {{"error", token.error().message}});
  }
}

void Credentials::reloadTls() {
  tlsReadAt_ = clock_.now();
  auto tls = readTls();
  if (!tls) {
    logger_.warn("Kept the old certificates, the files cannot be used",
                 {{"error", tls.error().message}});
  } else if (*tls != *tls_) {
    logger_.info("Certificates for the API server changed, connections are made anew");
    tls_ = std::make_shared<const TlsMaterial>(std::move(*tls));
  }
}

std::string Credentials::authorization() {
  const std::lock_guard lock(mutex_);
  if (!config_.tokenFile.empty() && clock_.now() - tokenReadAt_ >= kReloadInterval) reloadToken();
  return token_.empty() ? "" : "Bearer " + token_;
}

bool Credentials::refreshAfter401(const std::string& rejected) {
  const std::lock_guard lock(mutex_);
  if (config_.tokenFile.empty()) return false;
  if ("Bearer " + token_ == rejected) reloadToken();
  return "Bearer " + token_ != rejected;
}

std::shared_ptr<const TlsMaterial> Credentials::tls() {
  const std::lock_guard lock(mutex_);
  if (clock_.now() - tlsReadAt_ >= kReloadInterval) reloadTls();
  return tls_;
}

}  // namespace vnic::kube
