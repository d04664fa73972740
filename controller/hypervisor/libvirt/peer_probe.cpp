// SPDX-License-Identifier: Apache-2.0
#include <libvirt/virterror.h>

#include <pugixml.hpp>
#include <sstream>

#include "hypervisor/libvirt/errors.h"
#include "hypervisor/libvirt/handles.h"
#include "hypervisor/libvirt/host_reading.h"
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
  root.child("memory").text() = root.child("memory").text().as_llong() + 1024LL * 1024;
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

Result<MoveProbe> askWith(virDomainPtr domain, const std::string& peerURI) {
  MigrationRequest request;
  request.peerURI = peerURI;
  request.destinationXml = strangerTo(take(virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_MIGRATABLE)));
  if (request.destinationXml.empty()) return failLast("read a definition");
  const Status refused = migrate(domain, request);
  if (refused) return fail(Error::terminal("libvirt accepted a migration that it had to refuse"));
  const auto answer = [&](MoveAnswer what) { return MoveProbe{what, refused.error().message}; };
  const auto says = [&](const char* text) {
    return refused.error().message.find(text) != std::string::npos;
  };
  switch (refused.error().code) {
    case VIR_ERR_CONFIG_UNSUPPORTED:
      if (says("does not match source")) return MoveProbe{MoveAnswer::Willing, ""};
      break;
    case VIR_ERR_MIGRATE_UNSAFE:
      return answer(MoveAnswer::UnsafeStorage);
    case VIR_ERR_OPERATION_INVALID:
      if (says("cannot migrate domain") || says("active block job")) {
        return answer(MoveAnswer::Blocked);
      }
      return answer(MoveAnswer::Unchecked);
    case VIR_ERR_OPERATION_TIMEOUT:
      return answer(MoveAnswer::Unchecked);
    default:
      break;
  }
  return answer(MoveAnswer::PeerRefused);
}

}  // namespace

Result<MoveProbe> askToMove(virConnectPtr connection, const std::string& uuid,
                            const std::string& peerURI) {
  const auto domain = lookUp(connection, uuid);
  if (!domain) return fail(domain.error());
  return askWith(domain->get(), peerURI);
}

Result<PeerProbe> askForPeer(virConnectPtr connection, const std::string& peerURI) {
  const DomainHandle domain = anyRunning(connection);
  if (!domain) return PeerProbe{PeerAccess::Unchecked, "no VM runs on the host"};
  const auto probe = askWith(domain.get(), peerURI);
  if (!probe) return fail(probe.error());
  switch (probe->answer) {
    case MoveAnswer::Willing:
      return PeerProbe{PeerAccess::Reached, ""};
    case MoveAnswer::PeerRefused:
      return PeerProbe{PeerAccess::Refused, probe->message};
    default:  // libvirt did not come as far as the peer with this VM
      return PeerProbe{PeerAccess::Unchecked, probe->message};
  }
}

}  // namespace vnic::hypervisor
