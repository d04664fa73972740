// SPDX-License-Identifier: Apache-2.0
#include "app/options.h"

#include <map>
#include <memory>
#include <sstream>

#include "app/version.h"
#include "app/yaml_config.h"
#include "support/placeholders.h"

namespace vnic::app {
namespace {

// A flag that the environment and the file may set, too.
template <class T>
CLI::Option* setting(CLI::App& app, const std::string& name, T& value, const std::string& help) {
  return app.add_option("--" + name, value, help)
      ->envname(environmentName(name))
      ->capture_default_str();
}

CLI::Option* toggle(CLI::App& app, const std::string& name, bool& value, const std::string& help) {
  return app.add_flag("--" + name + ",!--no-" + name, value, help)
      ->envname(environmentName(name))
      ->capture_default_str();
}

std::string checkLeaseTimes(const Options& o) {
  // The relations that client-go checks; 1.2 is the jitter of the retry period.
  if (o.leaseDurationSeconds <= o.renewDeadlineSeconds) {
    return "--lease-duration-seconds must be greater than --renew-deadline-seconds";
  }
  if (o.renewDeadlineSeconds * 10 <= o.retryPeriodSeconds * 12) {
    return "--renew-deadline-seconds must be greater than 1.2 times --retry-period-seconds";
  }
  return {};
}

void addRunOptions(CLI::App& app, Options& o) {
  setting(app, "kubeconfig", o.kubeconfig,
          "Kubeconfig file; default: KUBECONFIG, the Pod's service account, ~/.kube/config");
  setting(app, "context", o.context, "Context of the kubeconfig");
  setting(app, "namespace", o.ns,
          "The operator's own namespace: its Leases, and VMs without a namespace");
  toggle(app, "leader-elect", o.leaderElect, "Work only while holding the leader's Lease");
  setting(app, "lease-duration-seconds", o.leaseDurationSeconds,
          "How long others wait for a silent leader")
      ->check(CLI::Range(2, 3600));
  setting(app, "renew-deadline-seconds", o.renewDeadlineSeconds,
          "How long the leader tries to renew before it stops")
      ->check(CLI::Range(1, 3600));
  setting(app, "retry-period-seconds", o.retryPeriodSeconds, "Time between tries")
      ->check(CLI::Range(1, 3600));
  setting(app, "health-bind-address", o.healthBindAddress,
          "Address of /healthz and /readyz, 0 = off");
  setting(app, "metrics-bind-address", o.metricsBindAddress, "Address of /metrics, 0 = off");
  setting(app, "webhook-bind-address", o.webhookBindAddress,
          "Address of the validating webhook (HTTPS), usually 0.0.0.0:9443; 0 = off");
  setting(app, "webhook-cert-dir", o.webhookCertDir,
          "Folder with tls.crt and tls.key for the webhook, read again when they change");
  static const std::map<std::string, LogFormat> formats{{"json", LogFormat::Json},
                                                        {"text", LogFormat::Text}};
  app.add_option("--log-format", o.logFormat, "json or text")
      ->envname(environmentName("log-format"))
      ->transform(CLI::CheckedTransformer(formats));
  static const std::map<std::string, LogLevel> levels{{"debug", LogLevel::Debug},
                                                      {"info", LogLevel::Info},
                                                      {"warning", LogLevel::Warning},
                                                      {"error", LogLevel::Error}};
  app.add_option("--log-level", o.logLevel, "debug, info, warning or error")
      ->envname(environmentName("log-level"))
      ->transform(CLI::CheckedTransformer(levels));
  setting(app, "workers", o.workers, "Reconciles that run at once, per controller")
      ->check(CLI::Range(1, 64));
  setting(app, "max-parallel-migrations", o.maxParallelMigrations, "Migrations at once, all hosts")
      ->check(CLI::Range(1, 1000));
  setting(app, "kube-api-qps", o.kubeApiQps, "Requests a second to the API server")
      ->check(CLI::Range(1, 10000));
  setting(app, "kube-api-burst", o.kubeApiBurst, "Requests that may exceed the rate for a moment")
      ->check(CLI::Range(1, 10000));
  setting(app, "libvirt-pki-path", o.libvirtPkiPath,
          "Folder with cacert.pem, clientcert.pem, clientkey.pem for qemu+tls hosts");
  setting(app, "node-libvirt-uri", o.nodeLibvirtURI,
          "Give every Node with the label vnic.dev/vm-host=true a VmHost with this libvirt URI, "
          "such as qemu+tls://{name}/system; {name} and {internalIP} are the Node's. Empty: off")
      ->check([](const std::string& text) {
        const auto filled = fillPlaceholders(text, {{"name", "a"}, {"internalIP", "b"}});
        if (!filled) return filled.error().message;
        // Else all Nodes would be one host.
        return text.empty() || *filled != text
                   ? std::string()
                   : std::string("must have {name} or {internalIP} in it, because Nodes differ");
      });
  toggle(app, "allow-insecure-libvirt", o.allowInsecureLibvirt,
         "Accept qemu+tcp hosts, which are neither encrypted nor authenticated");
}

}  // namespace

Command parseCommandLine(const std::vector<std::string>& arguments) {
  Options run;
  CheckHostOptions check;
  DescribeHostOptions describe;
  CLI::App app{"Live migration of libvirt VMs with SR-IOV NICs, driven from Kubernetes",
               "vnic-operator"};
  app.set_version_flag("--version",
                       std::string("vnic-operator ") + kVersion + " (commit " + kCommit + ")");
  app.config_formatter(std::make_shared<YamlConfig>());
  app.set_config("--config", "", "YAML file with any of these settings, in camelCase")
      ->envname(environmentName("config"));
  app.allow_config_extras(false);
  addRunOptions(app, run);
  CLI::App* checkHost =
      app.add_subcommand("check-host", "Say what a libvirt host lacks, and the fix");
  checkHost->add_option("uri", check.uri, "libvirt URI of the host")->required();
  checkHost->add_option("--peer", check.peerURI, "libvirt URI of a host to migrate to");
  const CLI::App* checkCluster =
      app.add_subcommand("check-cluster", "Say whether an installed operator works, and the fix")
          ->fallthrough();
  CLI::App* describeHost = app.add_subcommand(
      "describe-host",
      "Print the objects that describe a host and its VMs' NICs, for kubectl apply");
  describeHost->add_option("uri", describe.uri, "libvirt URI of the host")->required();
  describeHost->add_option("--name", describe.name, "Name of the VmHost; default: the URI's host");

  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out, err;
    const int code = app.exit(e, out, err);
    return Exit{code == 0 ? 0 : 2, code == 0 ? out.str() : err.str()};
  }
  if (checkHost->parsed()) return check;
  if (describeHost->parsed()) {
    describe.ns = run.ns;
    return describe;
  }
  if (const std::string wrong = checkLeaseTimes(run); !wrong.empty()) return Exit{2, wrong + "\n"};
  if (checkCluster->parsed()) return CheckClusterOptions{run};
  return run;
}

}  // namespace vnic::app
