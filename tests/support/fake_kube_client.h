// SPDX-License-Identifier: Apache-2.0
// An API server in memory, behind the client port: what reconcilers can tell from a real one. uid,
// resourceVersion (unchanged by a write that changes nothing) and generation, the status
// subresource, preconditions, finalizers, and server-side apply in so far as a manager that leaves
// out a field it applied before removes it. Lists are replaced as a whole. Watches begin with all
// objects where that is asked for, and with 410 where the past is compacted. No schema, no
// admission.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/store.h"
#include "kube/client.h"
#include "kube/typed.h"
#include "support/clock.h"

namespace vnic::test {

class FakeKubeClient final : public kube::Client {
 public:
  // ---- the world, for tests -------------------------------------------------------------------
  // Puts an object there as if somebody had made it earlier, status included. `object` is a typed
  // object whose spec and status have toJson(). Returns it as stored.
  template <class T>
  T add(const T& object) {
    nlohmann::json body = kube::objectFrame(T::resource, object.metadata.key());
    body["metadata"].update(toJson(object.metadata));
    body["spec"] = toJson(object.spec);
    body["status"] = toJson(object.status);
    return decode<T>(insert(T::resource, std::move(body)));
  }

  // As stored now; nullopt = not there.
  template <class T>
  std::optional<T> find(const api::ObjectKey& key) {
    const auto text = peek(T::resource, key);
    return text ? std::optional<T>(decode<T>(*text)) : std::nullopt;
  }
  template <class T>
  std::vector<T> all() {
    std::vector<T> objects;
    for (const std::string& text : peekAll(T::resource)) objects.push_back(decode<T>(text));
    return objects;
  }

  // Changes the spec as a person would; the object must be there.
  template <class T, class Change>
  T edit(const api::ObjectKey& key, Change change) {
    T object = find<T>(key).value();
    change(object.spec);
    nlohmann::json body = kube::objectFrame(T::resource, key);
    body["metadata"].update(toJson(object.metadata));
    body["spec"] = toJson(object.spec);
    return decode<T>(update(T::resource, body).value());
  }

  // Brings a cache to where the server is; until then it is stale.
  template <class T>
  void sync(cache::Store<T>& store) {
    std::vector<std::shared_ptr<const T>> objects;
    for (T& object : all<T>()) objects.push_back(std::make_shared<T>(std::move(object)));
    store.replace(std::move(objects));
  }

  // The next call of that verb ("get", "list", "create", "update", "patch", "apply", "delete") on
  // that kind's plural fails.
  void failNext(const std::string& verb, const std::string& plural, Error error);

  // Every write that got through, oldest first: "create vfreservations host1.0000-01-10.0",
  // "apply vnics/status team-a/db-blue". A write that changed nothing is one as well.
  std::vector<std::string> writes() const;
  void forgetWrites();

  // What a watch of that kind delivers up to and including `until`: an API server, or a connection
  // to it, that lags. Gone when options.resourceVersion is compacted.
  Result<std::vector<std::string>> linesUpTo(const api::ResourceType& type,
                                             const kube::WatchOptions& options,
                                             std::uint64_t until) const;
  // Of the last change; of the last change of that kind.
  std::uint64_t version() const;
  std::uint64_t versionOf(const api::ResourceType& type) const;
  // Forgets how it came to here: older resourceVersions are Gone from now on.
  void compact();
  // The time that goes into creation and deletion timestamps.
  std::function<WallTime()> wall;

  // ---- the port -------------------------------------------------------------------------------
  Result<std::string> get(const api::ResourceType& type, const api::ObjectKey& key) override;
  Result<std::string> list(const api::ResourceType& type,
                           const kube::ListOptions& options) override;
  // Delivers what happened since options.resourceVersion and ends, as if the time were up.
  Status watch(const api::ResourceType& type, const kube::WatchOptions& options,
               const LineHandler& onLine, std::stop_token stop) override;
  Result<std::string> create(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> update(const api::ResourceType& type, const nlohmann::json& object) override;
  Result<std::string> patch(const api::ResourceType& type, const api::ObjectKey& key,
                            kube::PatchType patchType, const nlohmann::json& body,
                            std::string_view subresource) override;
  Result<std::string> apply(const api::ResourceType& type, const nlohmann::json& object,
                            const kube::ApplyOptions& options) override;
  Status remove(const api::ResourceType& type, const api::ObjectKey& key,
                const kube::Preconditions& preconditions) override;

 private:
  using Id = std::pair<std::string, api::ObjectKey>;  // plural, key

  struct Happening {
    api::ObjectKey key;
    std::uint64_t version;
    bool deleted;
    std::shared_ptr<const nlohmann::json> object;
    const char* type;
  };
  // How one kind came to what it is: from `base`, which was true at `compacted`, by happenings.
  struct History {
    std::uint64_t compacted = 0;
    std::map<api::ObjectKey, std::shared_ptr<const nlohmann::json>> base;
    std::vector<Happening> happenings;
  };

  template <class T>
  static T decode(const std::string& text) {
    simdjson::dom::parser parser;
    return T::decode(parser.parse(text)).value();
  }

  std::string insert(const api::ResourceType& type, nlohmann::json object);
  std::optional<std::string> peek(const api::ResourceType& type, const api::ObjectKey& key) const;
  std::vector<std::string> peekAll(const api::ResourceType& type) const;

  std::optional<Error> takeFailure(const char* verb, const api::ResourceType& type);
  void note(const char* verb, const api::ResourceType& type, const api::ObjectKey& key,
            std::string_view subresource = {});
  std::string stamp();  // the next resourceVersion
  std::string timestamp(const char* otherwise) const;
  // Replaces a stored object by what a write made of it: version, generation, finalizers.
  Result<std::string> store(const Id& id, nlohmann::json object);
  void tell(const char* what, const Id& id, const nlohmann::json& object);

  mutable std::recursive_mutex mutex_;
  std::uint64_t version_ = 0;
  std::uint64_t lastUid_ = 0;
  std::map<Id, nlohmann::json> objects_;
  std::map<std::pair<Id, std::string>, nlohmann::json>
      applied_;  // by object, manager + subresource
  std::map<std::pair<std::string, std::string>, std::deque<Error>> failures_;
  std::vector<std::string> writes_;
  std::map<std::string, History, std::less<>> histories_;  // by plural
};

}  // namespace vnic::test
