// SPDX-License-Identifier: Apache-2.0
#include "agent/service/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "app/version.h"

namespace vnic::agent {
namespace {

std::string environmentName(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return "VNIC_AGENT_" + flag;
}

CLI::Option* setting(CLI::App& app, const std::string& name, std::string& value,
                     const std::string& help) {
  return app.add_option("--" + name, value, help)->envname(environmentName(name));
}

template <class T>
void choice(CLI::App& app, const std::string& name, T& value, const std::string& help,
            const std::map<std::string, T>& choices) {
  app.add_option("--" + name, value, help)
      ->envname(environmentName(name))
      ->transform(CLI::CheckedTransformer(choices));
}

}  // namespace

std::variant<Options, Exit> parseCommandLine(const std::vector<std::string>& arguments) {
  Options o;
  CLI::App app{"Keeps VMs reachable while vnic-operator moves them; runs on every host",
               "vnic-agent"};
  app.set_version_flag(
      "--version", std::string("vnic-agent ") + app::kVersion + " (commit " + app::kCommit + ")");
  setting(app, "host", o.host, "Name of the VmHost that this host is")->required();
  setting(app, "kubeconfig", o.kubeconfig,
          "Kubeconfig file; default: KUBECONFIG, the Pod's service account, ~/.kube/config");
  setting(app, "context", o.context, "Context of the kubeconfig");
  setting(app, "namespace", o.ns, "The operator's namespace")->capture_default_str();
  setting(app, "state-directory", o.stateDirectory,
          "Where it notes what it has changed; must not outlive a boot")
      ->capture_default_str();
  choice<LogFormat>(app, "log-format", o.logFormat, "json or text",
                    {{"json", LogFormat::Json}, {"text", LogFormat::Text}});
  choice<LogLevel>(app, "log-level", o.logLevel, "debug, info, warning or error",
                   {{"debug", LogLevel::Debug},
                    {"info", LogLevel::Info},
                    {"warning", LogLevel::Warning},
                    {"error", LogLevel::Error}});
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out, err;
    const int code = app.exit(e, out, err);
    return Exit{code == 0 ? 0 : 2, code == 0 ? out.str() : err.str()};
  }
  return o;
}

}  // namespace vnic::agent
