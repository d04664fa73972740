// SPDX-License-Identifier: Apache-2.0
#include "kube/rest_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kube/api_error.h"
#include "kube/resource_path.h"
#include "kube/watch_decoder.h"

namespace vnic::kube {
namespace {

constexpr std::size_t kMaxWarningsRemembered = 256;
constexpr Duration kQuickFailure = std::chrono::seconds(1);
constexpr std::size_t kMaxTypeBytes = 64;

std::string describe(std::string_view verb, const api::ResourceType& type,
                     const api::ObjectKey& key) {
  return fmt::format("{} {} {}", verb, type.plural, key.str());
}

std::string decimal(int number) {
  return number == 0 ? "" : std::to_string(number);
}

HttpRequest withBody(std::string method, std::string path, const std::string& contentType,
                     const nlohmann::json& body) {
  // Text from hosts may not be UTF-8; the API server would refuse the whole object for it.
  return {std::move(method),
          std::move(path),
          {{"Content-Type", contentType}},
          body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

// The key of an object to be sent. Invalid when it has no name, or no namespace and needs one: its
// URL would be that of something else.
api::ObjectKey keyOf(const api::ResourceType& type, const nlohmann::json& object) {
  const auto text = [&object](const char* field) -> std::string {
    const auto pointer = nlohmann::json::json_pointer(std::string("/metadata/") + field);
    return object.contains(pointer) && object[pointer].is_string()
               ? object[pointer].get<std::string>()
               : "";
  };
  return api::ObjectKey{type.namespaced ? text("namespace") : "", text("name")};
}

Status checkKey(const api::ResourceType& type, const api::ObjectKey& key) {
  if (key.name.empty()) return fail(Error::invalid(fmt::format("A {} without a name", type.kind)));
  if (type.namespaced && key.ns.empty()) {
    return fail(Error::invalid(fmt::format("{} {} without a namespace", type.kind, key.name)));
  }
  return {};
}

// Without the header it is for the body's reader to find out.
std::optional<Error> notJson(const HttpResponse& response, const std::string& what) {
  const auto type = response.headers.find("content-type");
  if (type == response.headers.end() || type->second.starts_with("application/json")) return {};
  return Error::transient(fmt::format("{}: the answer is {}, not JSON: is this an API server?",
                                      what, type->second.substr(0, kMaxTypeBytes)));
}

// May a request that got this answer be sent again?
bool mayRetry(const HttpRequest& request, const Error& error) {
  if (error.code == 429) return true;
  return error.code >= 500 && error.retryAfterSeconds > 0 && request.method != "POST";
}

}  // namespace

RestClient::RestClient(HttpTransport& transport, Credentials& credentials, Clock& clock,
                       Logger logger, RestOptions options, std::string host,
                       RequestObserver* observer, std::stop_token stop)
    : transport_(transport),
      credentials_(credentials),
      clock_(clock),
      logger_(std::move(logger)),
      options_(std::move(options)),
      host_(std::move(host)),
      observer_(observer),
      stop_(std::move(stop)),
      limit_(options_.requestsPerSecond, options_.burst, clock.now()) {}

Result<HttpResponse> RestClient::once(const HttpRequest& request, const Exchange& exchange,
                                      std::stop_token stop) {
  if (const Duration wait = limit_.take(clock_.now()); wait > Duration::zero()) {
    if (observer_ != nullptr) observer_->rateLimited(request.method, host_, wait);
    if (!clock_.sleepFor(wait, stop)) return fail(Error::cancelled("Stopped before the request"));
  }
  const MonoTime begin = clock_.now();
  Result<HttpResponse> response = exchange(request);
  if (observer_ != nullptr) {
    const std::string code = response ? std::to_string(response->status) : "<error>";
    observer_->requestDone(request.method, code, host_, clock_.now() - begin);
  }
  return response;
}

Result<HttpResponse> RestClient::perform(HttpRequest request, const std::string& what,
                                         const Exchange& exchange, std::stop_token stop) {
  request.headers["Accept"] = "application/json";
  request.headers["User-Agent"] = options_.userAgent;
  Duration budget = options_.retryBudget;
  bool tokenRefreshed = false;
  const Error stopped = Error::cancelled(what + ": stopped");
  if (stop.stop_requested()) return fail(stopped);
  for (int attempt = 0;; ++attempt) {
    const std::string authorization = credentials_.authorization();
    if (!authorization.empty()) request.headers["Authorization"] = authorization;
    Result<HttpResponse> response = once(request, exchange, stop);
    if (!response) return response;
    logWarnings(*response, what);
    if (response->status / 100 == 2) return response;
    Error error = errorOfResponse(*response, what);
    if (error.code == 401 && !std::exchange(tokenRefreshed, true) &&
        credentials_.refreshAfter401(authorization)) {
      continue;
    }
    const Duration wait = std::chrono::seconds(std::max(1, error.retryAfterSeconds));
    if (!mayRetry(request, error) || attempt >= options_.maxRetries || wait > budget) {
      return fail(std::move(error));
    }
    budget -= wait;
    if (observer_ != nullptr) {
      observer_->requestRetried(request.method, std::to_string(response->status), host_);
    }
    if (!clock_.sleepFor(wait, stop)) return fail(stopped);
  }
}

Result<std::string> RestClient::call(HttpRequest request, const std::string& what,
                                     Duration deadline) {
  const auto exchange = [&](const HttpRequest& ready) {
    const MonoTime begin = clock_.now();
    auto response = transport_.send(ready, deadline, stop_);
    // The connection may have been a pooled one that the server had closed. Reading again is free.
    if (!response && ready.method == "GET" && clock_.now() - begin < kQuickFailure) {
      response = transport_.send(ready, deadline, stop_);
    }
    return response;
  };
  auto response = perform(std::move(request), what, exchange, stop_);
  if (!response) return fail(response.error());
  if (auto error = notJson(*response, what)) return fail(std::move(*error));
  return std::move(response->body);
}

void RestClient::logWarnings(const HttpResponse& response, const std::string& what) {
  const auto header = response.headers.find("warning");
  if (header == response.headers.end()) return;
  {
    const std::lock_guard lock(warningsMutex_);
    // Once each: a deprecated field would otherwise be told at every request.
    if (warningsSeen_.size() >= kMaxWarningsRemembered) warningsSeen_.clear();
    if (!warningsSeen_.insert(header->second).second) return;
  }
  logger_.warn("The API server warned", {{"request", what}, {"warning", header->second}});
}

Result<std::string> RestClient::get(const api::ResourceType& type, const api::ObjectKey& key) {
  if (const Status ok = checkKey(type, key); !ok) return fail(ok.error());
  return call({"GET", objectPath(type, key), {}, {}}, describe("get", type, key),
              options_.requestDeadline);
}

Result<std::string> RestClient::list(const api::ResourceType& type, const ListOptions& options) {
  const std::string path = withQuery(collectionPath(type, options.ns),
                                     {{"labelSelector", options.labelSelector},
                                      {"fieldSelector", options.fieldSelector},
                                      {"limit", decimal(options.limit)},
                                      {"continue", options.continueToken},
                                      {"resourceVersion", options.resourceVersion},
                                      {"resourceVersionMatch", options.resourceVersionMatch}});
  return call({"GET", path, {}, {}}, fmt::format("list {}", type.plural), options_.listDeadline);
}

Status RestClient::watch(const api::ResourceType& type, const WatchOptions& options,
                         const LineHandler& onLine, std::stop_token stop) {
  const std::string what = fmt::format("watch {}", type.plural);
  // sendInitialEvents is refused without the match parameter, or silently ignored by old servers.
  const std::string path =
      withQuery(collectionPath(type, options.ns),
                {{"watch", "true"},
                 {"allowWatchBookmarks", "true"},
                 {"labelSelector", options.labelSelector},
                 {"fieldSelector", options.fieldSelector},
                 {"resourceVersion", options.resourceVersion},
                 {"timeoutSeconds", decimal(options.timeoutSeconds)},
                 {"sendInitialEvents", options.sendInitialEvents ? "true" : ""},
                 {"resourceVersionMatch", options.sendInitialEvents ? "NotOlderThan" : ""}});
  LineSplitter splitter(options_.maxWatchLineBytes);
  std::optional<Error> broken;
  std::stop_source ending;  // stops the stream when we cannot go on with it
  const auto forward = [&ending] { ending.request_stop(); };
  const std::stop_callback fromCaller(stop, forward);
  const std::stop_callback fromOwner(stop_, forward);
  const auto response = perform(
      {"GET", path, {}, {}}, what,
      [&](const HttpRequest& request) {
        return transport_.stream(
            request, options_.watchIdleLimit,
            [&](std::string_view bytes) {
              if (broken) return;
              if (const Status fed = splitter.feed(bytes, onLine); !fed) {
                broken = fed.error();
                ending.request_stop();
              }
            },
            ending.get_token());
      },
      ending.get_token());
  if (broken) return fail(*broken);
  if (!response) return fail(response.error());
  if (!splitter.atLineEnd()) return fail(Error::transient(what + ": cut off within a line"));
  return {};
}

Result<std::string> RestClient::create(const api::ResourceType& type,
                                       const nlohmann::json& object) {
  const auto key = keyOf(type, object);
  if (type.namespaced && key.ns.empty()) {
    return fail(Error::invalid(fmt::format("A {} without a namespace", type.kind)));
  }
  const std::string path =
      withQuery(collectionPath(type, key.ns), {{"fieldManager", options_.fieldManager}});
  return call(withBody("POST", path, "application/json", object), describe("create", type, key),
              options_.requestDeadline);
}

Result<std::string> RestClient::update(const api::ResourceType& type,
                                       const nlohmann::json& object) {
  const auto key = keyOf(type, object);
  if (const Status ok = checkKey(type, key); !ok) return fail(ok.error());
  const std::string path =
      withQuery(objectPath(type, key), {{"fieldManager", options_.fieldManager}});
  return call(withBody("PUT", path, "application/json", object), describe("update", type, key),
              options_.requestDeadline);
}

Result<std::string> RestClient::patch(const api::ResourceType& type, const api::ObjectKey& key,
                                      PatchType patchType, const nlohmann::json& body,
                                      std::string_view subresource) {
  if (const Status ok = checkKey(type, key); !ok) return fail(ok.error());
  const std::string path =
      withQuery(objectPath(type, key, subresource), {{"fieldManager", options_.fieldManager}});
  const std::string contentType =
      patchType == PatchType::Json ? "application/json-patch+json" : "application/merge-patch+json";
  return call(withBody("PATCH", path, contentType, body), describe("patch", type, key),
              options_.requestDeadline);
}

Result<std::string> RestClient::apply(const api::ResourceType& type, const nlohmann::json& object,
                                      const ApplyOptions& options) {
  const auto key = keyOf(type, object);
  if (const Status ok = checkKey(type, key); !ok) return fail(ok.error());
  const std::string path = withQuery(
      objectPath(type, key, options.subresource),
      {{"fieldManager", options.fieldManager}, {"force", options.force ? "true" : "false"}});
  // JSON is YAML, and servers before 1.32 know no other name for it.
  return call(withBody("PATCH", path, "application/apply-patch+yaml", object),
              describe("apply", type, key), options_.requestDeadline);
}

Status RestClient::remove(const api::ResourceType& type, const api::ObjectKey& key,
                          const Preconditions& preconditions) {
  if (Status ok = checkKey(type, key); !ok) return ok;
  nlohmann::json body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!preconditions.uid.empty()) body["preconditions"]["uid"] = preconditions.uid;
  if (!preconditions.resourceVersion.empty()) {
    body["preconditions"]["resourceVersion"] = preconditions.resourceVersion;
  }
  const auto answer = call(withBody("DELETE", objectPath(type, key), "application/json", body),
                           describe("delete", type, key), options_.requestDeadline);
  if (!answer) return fail(answer.error());
  return {};
}

}  // namespace vnic::kube
