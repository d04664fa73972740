// SPDX-License-Identifier: Apache-2.0
#include "reconcile/node/reconciler.h"

#include <fmt/format.h>

#include "api/names.h"
#include "kube/typed.h"
#include "reconcile/paused.h"
#include "reconcile/verdict.h"
#include "support/placeholders.h"

namespace vnic::reconcile::node {
namespace {

using api::ConditionStatus;

// What is written of a host beside status: others' fields stay theirs.
constexpr char kSpecManager[] = "vnic-operator-nodes";

bool fromNode(const api::VmHost& host) {
  return host.metadata.labels.count(api::kFromNodeLabel) != 0;
}

bool markedCordoned(const api::VmHost& host) {
  return host.metadata.annotations.count(api::kCordonedAnnotation) != 0;
}

// Whether it is ours to say NoInbound: nobody has said anything else than Enabled.
bool closes(const api::Node& node, const api::VmHost* host) {
  if (!node.cordoned) return false;
  if (host == nullptr || host->spec.availability == "Enabled") return true;
  return host->spec.availability == "NoInbound" && markedCordoned(*host);
}

Verdict nodeReady(const api::Node* node, const api::VmHost& host) {
  const std::string& name = host.spec.nodeName;
  constexpr char kNotDead[] =
      "what runs there is unknown and counts as running. When the machine is dead and fenced, set "
      "spec.availability to OutOfService";
  if (node == nullptr) {
    return {
        ConditionStatus::Unknown, "NodeGone",
        fmt::format("Node {} is gone, or has the label {} no longer; {}. When it is no VM host any "
                    "more, delete this object",
                    name, api::kVmHostLabel, kNotDead)};
  }
  if (node->ready != ConditionStatus::True) {
    return {ConditionStatus::Unknown, "NodeNotReady",
            fmt::format("Node {} is not ready; {}", name, kNotDead)};
  }
  if (!node->cordoned) return {ConditionStatus::True, "NodeReady", "The Node is ready"};
  if (host.spec.availability == "Enabled") {
    return {ConditionStatus::True, "AvailabilityKept",
            fmt::format("Node {} is cordoned, but somebody else has set spec.availability: VMs are "
                        "moved to the host",
                        name)};
  }
  return {ConditionStatus::True, "NodeCordoned",
          fmt::format("Node {} is cordoned: VMs stay, none is moved to the host", name)};
}

}  // namespace

Result<Done> NodeReconciler::reconcile(const api::ObjectKey& key, std::stop_token) {
  const auto node = ports_.nodes.get(key);
  const auto host = ports_.hosts.get(key);
  if (host && isPaused(host->metadata)) return Done{};
  if (host && host->spec.nodeName != key.name) {
    if (!node) return Done{};  // it has never been a Node's
    return fail(Error::terminal(fmt::format(
        "VmHost {} was made by somebody else and does not say that it is this Node: set its "
        "spec.nodeName to {}, or give it another name",
        key.name, key.name)));
  }
  if (node) {
    const auto changed = applySpec(*node, host.get());
    if (!changed) return fail(changed.error());
    if (*changed) return Done{};  // the change brings us here again
  }
  if (host) {
    if (const Status told = tellNode(node.get(), *host); !told) return fail(told.error());
  }
  return Done{};
}

Result<bool> NodeReconciler::applySpec(const api::Node& node, const api::VmHost* host) {
  const std::string& name = node.metadata.name;
  const bool ours = host == nullptr || fromNode(*host);
  const bool close = closes(node, host);
  std::string uri;
  nlohmann::json body = kube::objectFrame(api::VmHost::resource, {"", name});
  body["spec"] = nlohmann::json::object();
  if (ours) {
    // A Node has no address before its kubelet has said one: until then a host keeps what it had.
    if (node.internalIP.empty() && options_.libvirtURI.find("{internalIP}") != std::string::npos) {
      if (host == nullptr) return false;
      uri = host->spec.libvirtURI;
    } else {
      const auto filled =
          fillPlaceholders(options_.libvirtURI, {{"name", name}, {"internalIP", node.internalIP}});
      if (!filled) return fail(filled.error());
      uri = *filled;
    }
    body["metadata"]["labels"] = {{api::kFromNodeLabel, "true"}};
    body["spec"] = {{"libvirtURI", uri}, {"nodeName", name}};
  }
  if (close) {
    body["metadata"]["annotations"] = {{api::kCordonedAnnotation, "true"}};
    body["spec"]["availability"] = "NoInbound";
  }
  if (host != nullptr) {
    const bool asWanted = close == markedCordoned(*host) && (!ours || host->spec.libvirtURI == uri);
    if (asWanted || host->metadata.deleting()) return false;
  }
  const auto applied =
      ports_.client.apply(api::VmHost::resource, body, {kSpecManager, /*force=*/false, ""});
  if (applied) {
    ports_.log.info("The VmHost follows its Node",
                    {{"host", name}, {"availability", close ? "NoInbound" : "not ours"}});
    return true;
  }
  if (applied.error().kind != ErrorKind::OwnershipConflict) return fail(applied.error());
  ports_.log.warn("Somebody else has set what would follow the Node; it stays as it is",
                  {{"host", name}, {"error", applied.error().message}});
  return false;
}

Status NodeReconciler::tellNode(const api::Node* node, const api::VmHost& host) {
  api::VmHostStatus status = host.status;
  setVerdict(status.conditions, api::condition::kNodeReady, nodeReady(node, host),
             host.metadata.generation, ports_.clock.wall());
  if (status == host.status) return {};
  const auto written = kube::applyStatus<api::VmHost>(ports_.client, host.metadata, toJson(status));
  if (!written && written.error().kind != ErrorKind::NotFound) return fail(written.error());
  return {};
}

}  // namespace vnic::reconcile::node
