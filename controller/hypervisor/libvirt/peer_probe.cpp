// SPDX-License-Identifier: Apache-2.0
#include <libvirt/virterror.h>

#include <pugixml.hpp>
#include <sstream>

#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/handles.h"
#include "hypervisor/libvirt/migrate_call.h"

namespace vnic::hypervisor {
namespace {

// A definition that cannot be the same guest: libvirt compares it with the running one as the first
// thing after it has reached the peer, before anything happens there.
std::string strangerTo(const std::string& xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return "";
  const pugi::xml_node root = document.document_element();
  root.child("name").text() = "vnic-operator-peer-check";
  root.child("uuid").text() = "00000000-0000-4000-8000-000000000001";
  root.child("memory").text() = root.child("memory").text().as_llong() + 1024 * 1024;
  std::ostringstream out;
  root.print(out, "", pugi::format_raw);
  return out.str();
}

DomainHandle anyRunning(virConnectPtr connection) {
  virDomainPtr* array = nullptr;
  const int count = virConnectListAllDomains(connection, &array, VIR_CONNECT_LIST_DOMAINS_RUNNING);
  if (count < 1) return nullptr;
  return std::move(takeAll<DomainHandle>(array, count).front());
}

}  // namespace

Result<PeerProbe> askForPeer(virConnectPtr connection, const std::string& peerURI) {
  const DomainHandle domain = anyRunning(connection);
  if (!domain) return PeerProbe{PeerAccess::Unchecked, "no VM runs on the host"};
  MigrationRequest request;
  request.peerURI = peerURI;
  request.destinationXml =
      strangerTo(take(virDomainGetXMLDesc(domain.get(), VIR_DOMAIN_XML_MIGRATABLE)));
  if (request.destinationXml.empty()) return failLast("read a definition");
  const Status refused = migrate(domain.get(), request);
  if (refused) return fail(Error::terminal("libvirt accepted a migration that it had to refuse"));
  const std::string& message = refused.error().message;
  const int code = refused.error().code;
  const auto says = [&](const char* text) { return message.find(text) != std::string::npos; };
  if ((code == VIR_ERR_CONFIG_UNSUPPORTED && says("does not match source")) ||
      (code == VIR_ERR_OPERATION_INVALID && says("cannot migrate domain"))) {
    return PeerProbe{PeerAccess::Reached, ""};
  }
  if (code == VIR_ERR_OPERATION_TIMEOUT || code == VIR_ERR_OPERATION_INVALID) {
    return PeerProbe{PeerAccess::Unchecked, message};  // the VM is busy with something else
  }
  return PeerProbe{PeerAccess::Refused, message};
}

}  // namespace vnic::hypervisor
