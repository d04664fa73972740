// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kube/cluster_config.h"
#include "support/error.h"

namespace vnic::kube {

// What decides where the configuration is from. fromProcess() reads the environment; tests fill it.
struct KubeEnvironment {
  std::string kubeconfig;   // KUBECONFIG, a list with ':'
  std::string home;         // HOME
  std::string serviceHost;  // KUBERNETES_SERVICE_HOST
  std::string servicePort;  // KUBERNETES_SERVICE_PORT
  std::string serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount";

  static KubeEnvironment fromProcess();
};

// In this order: `kubeconfigFlag`, KUBECONFIG, in-cluster, ~/.kube/config. `context` "" = the
// current one. Errors (Terminal) name the file and the field.
Result<ClusterConfig> loadClusterConfig(const std::string& kubeconfigFlag,
                                        const std::string& context,
                                        const KubeEnvironment& environment);

// The pieces of it.
// Merges like kubectl: of two entries with one name, and of current-context, the first file's wins;
// relative paths are relative to their file; of several files, missing ones are passed over.
Result<ClusterConfig> readKubeconfig(const std::vector<std::string>& files,
                                     const std::string& context);
Result<ClusterConfig> inClusterConfig(const KubeEnvironment& environment);

}  // namespace vnic::kube
