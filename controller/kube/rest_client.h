// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "api/names.h"
#include "kube/client.h"
#include "kube/credentials.h"
#include "kube/http_transport.h"
#include "kube/request_observer.h"
#include "kube/token_bucket.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::kube {

struct RestOptions {
  std::string userAgent = "vnic-operator";        // "<binary>/<version> (<os>/<arch>) <commit>"
  std::string fieldManager = api::kFieldManager;  // of create, update and patch
  double requestsPerSecond = 50;  // client-side limit, watches count once; <= 0 = none
  int burst = 100;
  Duration requestDeadline = std::chrono::seconds(30);  // of one try
  // A list is the only answer that may be big and slow.
  Duration listDeadline = std::chrono::seconds(60);
  // The API server sends a bookmark every minute, but the first one of a watch that nothing happens
  // on only after two. Beyond that the connection is dead, whatever TCP believes.
  Duration watchIdleLimit = std::chrono::seconds(200);
  std::size_t maxWatchLineBytes = 16U << 20;
  int maxRetries = 10;  // after 429 or 5xx with Retry-After, as client-go
  Duration retryBudget = std::chrono::seconds(15);  // of all waits of one call together
};

// The Kubernetes REST API over an HttpTransport. Thread-safe.
//
// Retries: a 429 is repeated for every verb, because the server did nothing; a 5xx that names a
// Retry-After is repeated for all verbs but create. Both honour Retry-After, within the options'
// bounds. After a 401 the token is read again, and the request repeated when there is a new one.
// A GET or list whose connection breaks at once is repeated once.
// Nothing else is repeated here: what a request without an answer did is for the caller to look at.
//
// An answer that is not JSON is none (Transient): a proxy's or a login page, whatever its status.
class RestClient final : public Client {
 public:
  // `host` is the label of metrics. `observer` may be nullptr. All references outlive the client.
  // Once `stop` is fired, whatever goes on or begins ends at once (Cancelled), waits included.
  RestClient(HttpTransport& transport, Credentials& credentials, Clock& clock, Logger logger,
             RestOptions options, std::string host, RequestObserver* observer,
             std::stop_token stop = {});

  Result<std::string> get(const api::ResourceType& type, const api::ObjectKey& key) override;
  Result<std::string> list(const api::ResourceType& type, const ListOptions& options) override;
  Status watch(const api::ResourceType& type, const WatchOptions& options,
               const LineHandler& onLine, std::stop_token stop) override;
  Result<std::string> create(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> update(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> patch(const api::ResourceType& type, const api::ObjectKey& key,
                            PatchType patchType, const nlohmann::json& body,
                            std::string_view subresource = {}) override;
  Result<std::string> apply(const api::ResourceType& type, const nlohmann::json& object,
                            const ApplyOptions& options) override;
  Status remove(const api::ResourceType& type, const api::ObjectKey& key,
                const Preconditions& preconditions) override;

 private:
  using Exchange = std::function<Result<HttpResponse>(const HttpRequest&)>;

  // Sends, with credentials, limit, retries, metrics. Any non-2xx answer is an Error.
  Result<std::string> call(HttpRequest request, const std::string& what, Duration deadline);
  Result<HttpResponse> perform(HttpRequest request, const std::string& what,
                               const Exchange& exchange, std::stop_token stop);
  Result<HttpResponse> once(const HttpRequest& request, const Exchange& exchange,
                            std::stop_token stop);
  void logWarnings(const HttpResponse& response, const std::string& what);

  HttpTransport& transport_;
  Credentials& credentials_;
  Clock& clock_;
  const Logger logger_;
  const RestOptions options_;
  const std::string host_;
  RequestObserver* const observer_;
  const std::stop_token stop_;
  TokenBucket limit_;
  std::mutex warningsMutex_;
  std::set<std::string> warningsSeen_;
};

}  // namespace vnic::kube
