// SPDX-License-Identifier: Apache-2.0
#include "conformance/admission/reviewed_control_plane.h"

#include <openssl/evp.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/eventually.h"
#include "support/mounted_secret.h"
#include "support/source_tree.h"

namespace vnic::test {
namespace {

constexpr char kConfiguration[] = "validatingwebhookconfiguration/vnic-operator";
const std::string kManifest =
    sourcePath("deploy/components/webhook/validating_webhook_configuration.yaml");

void require(const CommandResult& result) {
  if (!result.ok()) throw std::runtime_error(result.err);
}

std::string base64(const std::string& text) {
  std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

std::string profile(const std::string& name, const std::string& spec) {
  return "{apiVersion: vnic.dev/v1alpha1, kind: VnicProfile, metadata: {name: " + name +
         "}, spec: {network: probe, passthrough: true" + spec + "}}";
}

}  // namespace

ReviewedControlPlane::ReviewedControlPlane(const ControlPlane::Options& options)
    : controlPlane_(options) {
  installCertificate(authority_);
  require(apply(profile("probe-vf", "")));
}

void ReviewedControlPlane::startOperator(const std::vector<std::string>& more) {
  operator_.reset();
  operator_ = std::make_unique<OperatorProcess>(controlPlane_.operatorKubeconfig(),
                                                certificates_.path(), more);
}

void ReviewedControlPlane::askOperator() {
  require(kubectl({"delete", "--ignore-not-found", kConfiguration}));
  require(kubectl({"create", "-f", kManifest}));
  const nlohmann::json patch = {
      {{"op", "remove"}, {"path", "/webhooks/0/clientConfig/service"}},
      {{"op", "add"},
       {"path", "/webhooks/0/clientConfig/url"},
       {"value", "https://127.0.0.1:" + std::to_string(operator_->webhookPort()) + "/validate"}}};
  require(kubectl({"patch", kConfiguration, "--type=json", "-p", patch.dump()}));
  trust(authority_);
  if (!eventually([this] { return isAsked(); })) {
    throw std::runtime_error("the API server does not ask the webhook:\n" + operator_->log());
  }
}

void ReviewedControlPlane::askNobody() {
  require(kubectl({"delete", "--ignore-not-found", kConfiguration}));
  if (!eventually([this] { return !isAsked(); })) {
    throw std::runtime_error("the API server goes on asking the webhook");
  }
}

void ReviewedControlPlane::installCertificate(const TestAuthority& authority) {
  mountSecret(certificates_.path(), authority.issue("webhook", "IP:127.0.0.1"));
}

void ReviewedControlPlane::trust(const TestAuthority& authority) {
  const nlohmann::json patch = {{{"op", "add"},
                                 {"path", "/webhooks/0/clientConfig/caBundle"},
                                 {"value", base64(authority.certPem())}}};
  require(kubectl({"patch", kConfiguration, "--type=json", "-p", patch.dump()}));
}

bool ReviewedControlPlane::isAsked() {
  const auto result = kubectl({"create", "--dry-run=server", "-f", "-"},
                              profile("probe", ", failover: {name: probe-vf}"));
  return !result.ok() && result.err.find("probe-vf") != std::string::npos;
}

bool eventually(const std::function<bool()>& condition) {
  return eventually(std::chrono::minutes(1), condition, std::chrono::milliseconds(100));
}

}  // namespace vnic::test
