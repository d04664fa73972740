// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vnic::kube {

// How to reach one API server and as whom, as a kubeconfig or a pod's surroundings say it. Files
// are named here, not read: Credentials reads them, again and again. For each pair of data and file
// the data wins, as in client-go. Paths are absolute.
struct ClusterConfig {
  std::string server;  // https://host:port[/prefix]
  std::string tlsServerName;
  bool insecureSkipTlsVerify = false;
  std::string caData, caFile;  // data: PEM
  std::string clientCertData, clientCertFile;
  std::string clientKeyData, clientKeyFile;
  std::string token, tokenFile;
  std::string defaultNamespace;  // of the context or the pod, "" = none
  std::string source;            // where all this is from, for people
};

}  // namespace vnic::kube
