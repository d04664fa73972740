// SPDX-License-Identifier: Apache-2.0
// The port to the Kubernetes API. Bodies come back as JSON text, because the reader (simdjson, into
// typed projections) is chosen by the caller; bodies go out as nlohmann::json. kube/typed.h has the
// typed layer that most code uses.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/meta.h"
#include "support/error.h"

namespace vnic::kube {

struct ListOptions {
  std::string ns;  // "" = all namespaces
  std::string labelSelector;
  std::string fieldSelector;
  int limit = 0;  // 0 = no paging
  std::string continueToken;
  std::string resourceVersion;       // "" = most recent (quorum), "0" = any cached
  std::string resourceVersionMatch;  // "", NotOlderThan, Exact
};

struct WatchOptions {
  std::string ns;
  std::string labelSelector;
  std::string fieldSelector;
  std::string resourceVersion;
  int timeoutSeconds = 300;        // the server ends the watch after this
  bool sendInitialEvents = false;  // WatchList streaming
};

enum class PatchType { Json, Merge };

struct Preconditions {
  std::string uid;              // "" = none
  std::string resourceVersion;  // "" = none
};

struct ApplyOptions {
  std::string fieldManager;
  bool force = true;
  std::string subresource;  // "" or "status"
};

// All calls block, are bounded in time, and can be used from several threads.
// Errors: see ErrorKind; 409 is told apart into Conflict, OwnershipConflict and AlreadyExists.
class Client {
 public:
  using LineHandler = std::function<void(std::string_view line)>;

  virtual ~Client() = default;

  virtual Result<std::string> get(const api::ResourceType& type, const api::ObjectKey& key) = 0;
  virtual Result<std::string> list(const api::ResourceType& type, const ListOptions& options) = 0;
  // Delivers each JSON line of the watch, on the calling thread. Returns when the server ends the
  // watch (success), on an error, when nothing came for longer than the idle limit (Transient),
  // or when stopped (Cancelled). HTTP 410 is Gone; a 410 inside the stream is a line like any
  // other.
  virtual Status watch(const api::ResourceType& type, const WatchOptions& options,
                       const LineHandler& onLine, std::stop_token stop) = 0;
  virtual Result<std::string> create(const api::ResourceType& type,
                                     const nlohmann::json& object) = 0;
  // PUT; metadata.resourceVersion in the object guards it.
  virtual Result<std::string> update(const api::ResourceType& type,
                                     const nlohmann::json& object) = 0;
  virtual Result<std::string> patch(const api::ResourceType& type, const api::ObjectKey& key,
                                    PatchType patchType, const nlohmann::json& body,
                                    std::string_view subresource = {}) = 0;
  // Server-side apply; a metadata.resourceVersion or uid in the object guards it.
  virtual Result<std::string> apply(const api::ResourceType& type, const nlohmann::json& object,
                                    const ApplyOptions& options) = 0;
  virtual Status remove(const api::ResourceType& type, const api::ObjectKey& key,
                        const Preconditions& preconditions) = 0;
};

}  // namespace vnic::kube
