// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/http_exchange.h"

namespace vnic::kube {

struct ReadLimits {
  Duration deadline = Duration::max();                   // for the whole request
  Duration idle = Duration::max();                       // between two arrivals
  std::size_t maxBodyBytes = 0;                          // of what is kept
  const HttpTransport::ChunkHandler* onChunk = nullptr;  // gets a 2xx body instead
};

// Reads an exchange to its end on the calling thread. Errors (Transient, or Cancelled when stopped)
// carry the bare reason; the caller says of what.
Result<HttpResponse> readExchange(HttpExchange& exchange, const ReadLimits& limits,
                                  std::stop_token stop);

}  // namespace vnic::kube
