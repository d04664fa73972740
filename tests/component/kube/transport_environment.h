// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kube/cpprest_transport.h"
#include "support/loopback_peer.h"

namespace vnic::kube {

// A transport to `url` with these TLS settings; the test fails by exception when there is none.
std::unique_ptr<CpprestTransport> makeTransport(const std::string& url, TlsMaterial tls = {},
                                                TransportOptions options = {});

HttpRequest getRequest(const std::string& path = "/apis");

// A duration that means "in time" on a busy machine.
inline constexpr Duration kPlenty = std::chrono::seconds(20);

}  // namespace vnic::kube
