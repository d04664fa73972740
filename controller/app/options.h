// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "support/log.h"

namespace vnic::app {

// Everything that a person can set. Precedence: flag, environment (VNIC_OPERATOR_...), --config
// file, default. Durations are whole seconds.
struct Options {
  std::string kubeconfig;  // "" = KUBECONFIG, in-cluster, ~/.kube/config, in this order
  std::string context;
  std::string ns = "vnic-operator-system";  // the operator's own namespace: Leases, unlabelled VMs

  bool leaderElect = true;
  int leaseDurationSeconds = 15;
  int renewDeadlineSeconds = 10;
  int retryPeriodSeconds = 2;

  std::string healthBindAddress = "0.0.0.0:8081";    // "0" = off
  std::string metricsBindAddress = "0.0.0.0:8080";   // "0" = off
  std::string webhookBindAddress = "0";              // off unless there is a certificate for it
  std::string webhookCertDir = "/etc/vnic/webhook";  // tls.crt and tls.key

  LogFormat logFormat = LogFormat::Json;
  LogLevel logLevel = LogLevel::Info;

  int workers = 4;  // reconciles that run at once, per controller
  int maxParallelMigrations = 5;
  int kubeApiQps = 50;
  int kubeApiBurst = 100;

  std::string libvirtPkiPath;  // client certificates for qemu+tls URIs without a pkipath
  std::string nodeLibvirtURI;  // of hosts that are Nodes, with placeholders; "" = Nodes are ignored
  bool allowInsecureLibvirt = false;  // qemu+tcp: neither encrypted nor authenticated
};

// `check-host URI`: what a host lacks, and how to mend it.
struct CheckHostOptions {
  std::string uri;
  std::string peerURI;
};

// `check-cluster`: whether the operator that runs with these options does.
struct CheckClusterOptions {
  Options run;
};

// `describe-host URI`: the objects that describe a host and the NICs that its VMs have, as YAML.
struct DescribeHostOptions {
  std::string uri;
  std::string name;  // of the VmHost, "" = the URI's host
  std::string ns;    // the operator's own namespace
};

struct Exit {
  int code = 0;
  std::string text;  // for stdout when code is 0, else stderr
};

using Command =
    std::variant<Options, CheckHostOptions, CheckClusterOptions, DescribeHostOptions, Exit>;

// Reads the command line (without the program's name first), environment and file.
Command parseCommandLine(const std::vector<std::string>& arguments);

}  // namespace vnic::app
