// SPDX-License-Identifier: Apache-2.0
#include "kube/kubeconfig.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "kube/base64.h"

namespace vnic::kube {
namespace {

namespace fs = std::filesystem;

// An entry of clusters, users or contexts, with the file that it is from.
struct Entry {
  YAML::Node body;
  std::string file;
  std::string where;  // users[admin].user
};

// Thrown inside this file only; readKubeconfig turns it into an Error.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void refuse(const Entry& entry, const std::string& field, const std::string& why) {
  throw ConfigError(fmt::format("{}: {}.{}: {}", entry.file, entry.where, field, why));
}

std::string textOf(const Entry& entry, const std::string& field) {
  const YAML::Node& body = entry.body;  // const: operator[] must not insert
  const YAML::Node value = body[field];
  if (!value || value.IsNull()) return {};
  if (!value.IsScalar()) refuse(entry, field, "must be a string");
  return value.Scalar();
}

bool flagOf(const Entry& entry, const std::string& field) {
  const std::string text = textOf(entry, field);
  if (text.empty() || text == "false") return false;
  if (text == "true") return true;
  refuse(entry, field, fmt::format("must be true or false, not \"{}\"", text));
}

std::string pathOf(const Entry& entry, const std::string& field) {
  const std::string text = textOf(entry, field);
  if (text.empty()) return {};
  return fs::absolute(fs::path(entry.file).parent_path() / text).lexically_normal().string();
}

std::string dataOf(const Entry& entry, const std::string& field) {
  const std::string text = textOf(entry, field);
  if (text.empty()) return {};
  const std::optional<std::string> decoded = decodeBase64(text);
  if (!decoded) refuse(entry, field, "is not base64");
  return *decoded;
}

class Merged {
 public:
  void add(const std::string& file) {
    const YAML::Node root = YAML::LoadFile(file);
    if (!root || root.IsNull()) return;  // an empty file is what `kubectl config unset` leaves
    if (!root.IsMap()) throw ConfigError(fmt::format("{}: is not a kubeconfig", file));
    if (currentContext_.empty() && root["current-context"]) {
      currentContext_ = root["current-context"].as<std::string>("");
    }
    collect(root, file, "clusters", "cluster", clusters_);
    collect(root, file, "users", "user", users_);
    collect(root, file, "contexts", "context", contexts_);
  }

  const Entry& context(const std::string& wanted, const std::string& source) const {
    const std::string& name = wanted.empty() ? currentContext_ : wanted;
    if (name.empty()) throw ConfigError(source + ": current-context is not set; name a context");
    const auto found = contexts_.find(name);
    if (found != contexts_.end()) return found->second;
    throw ConfigError(fmt::format("{}: there is no context \"{}\"", source, name));
  }
  const Entry& cluster(const Entry& context) const { return named(context, "cluster", clusters_); }
  // nullptr: the context names no user, requests are anonymous.
  const Entry* user(const Entry& context) const {
    return textOf(context, "user").empty() ? nullptr : &named(context, "user", users_);
  }

 private:
  using Entries = std::map<std::string, Entry>;

  static void collect(const YAML::Node& root, const std::string& file, const std::string& list,
                      const std::string& body, Entries& into) {
    const YAML::Node entries = root[list];
    if (!entries || entries.IsNull()) return;
    if (!entries.IsSequence()) throw ConfigError(fmt::format("{}: {}: must be a list", file, list));
    for (const YAML::Node& entry : entries) {
      if (!entry.IsMap() || !entry["name"] || !entry["name"].IsScalar()) {
        throw ConfigError(fmt::format("{}: {}: an entry has no name", file, list));
      }
      const std::string name = entry["name"].Scalar();
      const std::string where = fmt::format("{}[{}].{}", list, name, body);
      const YAML::Node inner = entry[body];
      if (inner && !inner.IsNull() && !inner.IsMap()) {
        throw ConfigError(fmt::format("{}: {}: must be a map", file, where));
      }
      const bool filled = inner && inner.IsMap();
      into.emplace(name, Entry{filled ? inner : YAML::Node(YAML::NodeType::Map), file, where});
    }
  }

  static const Entry& named(const Entry& context, const std::string& field,
                            const Entries& entries) {
    const std::string name = textOf(context, field);
    const auto found = entries.find(name);
    if (found != entries.end()) return found->second;
    refuse(context, field, name.empty() ? "is missing" : fmt::format("there is no \"{}\"", name));
  }

  std::string currentContext_;
  Entries clusters_, users_, contexts_;
};

void readCluster(const Entry& cluster, ClusterConfig& config) {
  config.server = textOf(cluster, "server");
  if (config.server.empty()) refuse(cluster, "server", "is missing");
  config.tlsServerName = textOf(cluster, "tls-server-name");
  config.insecureSkipTlsVerify = flagOf(cluster, "insecure-skip-tls-verify");
  config.caData = dataOf(cluster, "certificate-authority-data");
  config.caFile = pathOf(cluster, "certificate-authority");
  if (config.insecureSkipTlsVerify && !(config.caData.empty() && config.caFile.empty())) {
    refuse(cluster, "insecure-skip-tls-verify",
           "may not be true when a certificate-authority is given");
  }
  if (!textOf(cluster, "proxy-url").empty()) refuse(cluster, "proxy-url", "is not supported");
}

void readUser(const Entry& user, ClusterConfig& config) {
  const YAML::Node& body = user.body;
  for (const char* field : {"exec", "auth-provider"}) {
    if (body[field]) {
      refuse(user, field,
             "credential plug-ins are not supported; use a token, a tokenFile or a client "
             "certificate");
    }
  }
  for (const char* field : {"username", "password", "as", "as-uid", "as-groups", "as-user-extra"}) {
    if (body[field]) refuse(user, field, "is not supported");
  }
  config.token = textOf(user, "token");
  config.tokenFile = pathOf(user, "tokenFile");
  config.clientCertData = dataOf(user, "client-certificate-data");
  config.clientCertFile = pathOf(user, "client-certificate");
  config.clientKeyData = dataOf(user, "client-key-data");
  config.clientKeyFile = pathOf(user, "client-key");
  const bool cert = !(config.clientCertData.empty() && config.clientCertFile.empty());
  const bool key = !(config.clientKeyData.empty() && config.clientKeyFile.empty());
  if (cert && !key) refuse(user, "client-key", "is missing, but client-certificate is there");
  if (key && !cert) refuse(user, "client-certificate", "is missing, but client-key is there");
}

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment.
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

KubeEnvironment KubeEnvironment::fromProcess() {
  KubeEnvironment environment;
  environment.kubeconfig = variable("KUBECONFIG");
  environment.home = variable("HOME");
  environment.serviceHost = variable("KUBERNETES_SERVICE_HOST");
  environment.servicePort = variable("KUBERNETES_SERVICE_PORT");
  return environment;
}

Result<ClusterConfig> readKubeconfig(const std::vector<std::string>& files,
                                     const std::string& context) {
  std::string file;  // the one that is being read, for the message
  try {
    Merged merged;
    std::string source;
    for (const std::string& name : files) {
      if (files.size() > 1 && !fs::exists(name)) continue;
      file = fs::absolute(name).string();
      if (!fs::exists(file)) throw ConfigError(file + ": does not exist");
      merged.add(file);
      source += (source.empty() ? "" : ":") + file;
    }
    if (source.empty()) throw ConfigError("none of the files in KUBECONFIG exists");
    const Entry& chosen = merged.context(context, source);
    ClusterConfig config;
    config.source = "kubeconfig " + source;
    config.defaultNamespace = textOf(chosen, "namespace");
    readCluster(merged.cluster(chosen), config);
    if (const Entry* user = merged.user(chosen)) readUser(*user, config);
    return config;
  } catch (const ConfigError& error) {
    return fail(Error::terminal(error.what()));
  } catch (const std::exception& error) {  // YAML::Exception, filesystem_error
    return fail(Error::terminal(fmt::format("{}: {}", file, error.what())));
  }
}

Result<ClusterConfig> inClusterConfig(const KubeEnvironment& environment) {
  const fs::path dir = environment.serviceAccountDir;
  std::error_code ignored;
  if (environment.serviceHost.empty() || environment.servicePort.empty() ||
      !fs::exists(dir / "token", ignored)) {
    return fail(Error::notFound("not in a pod with a service account"));
  }
  ClusterConfig config;
  const bool ipv6 = environment.serviceHost.find(':') != std::string::npos;
  const std::string host = ipv6 ? "[" + environment.serviceHost + "]" : environment.serviceHost;
  config.server = fmt::format("https://{}:{}", host, environment.servicePort);
  config.caFile = (dir / "ca.crt").string();
  config.tokenFile = (dir / "token").string();
  config.source = "the pod's service account";
  std::ifstream ns(dir / "namespace");
  std::getline(ns, config.defaultNamespace);
  return config;
}

Result<ClusterConfig> loadClusterConfig(const std::string& kubeconfigFlag,
                                        const std::string& context,
                                        const KubeEnvironment& environment) {
  if (!kubeconfigFlag.empty()) return readKubeconfig({kubeconfigFlag}, context);
  std::vector<std::string> files;
  std::istringstream list(environment.kubeconfig);
  for (std::string file; std::getline(list, file, ':');) {
    if (!file.empty()) files.push_back(file);
  }
  if (!files.empty()) return readKubeconfig(files, context);
  // A context can only be meant for a kubeconfig.
  if (context.empty()) {
    if (auto config = inClusterConfig(environment)) return config;
  }
  const fs::path fallback = fs::path(environment.home) / ".kube" / "config";
  if (environment.home.empty() || !fs::exists(fallback)) {
    return fail(
        Error::terminal("No way to reach a cluster is configured: give --kubeconfig, set "
                        "KUBECONFIG, or run in a pod "
                        "with a service account (there is no ~/.kube/config either)"));
  }
  return readKubeconfig({fallback.string()}, context);
}

}  // namespace vnic::kube
