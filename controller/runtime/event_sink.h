// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "api/meta.h"

namespace vnic::runtime {

enum class EventType { Normal, Warning };

// The object that an event is about.
struct EventObject {
  std::string apiVersion;  // "vnic.dev/v1alpha1"
  std::string kind;
  std::string ns;  // "" = cluster-scoped
  std::string name;
  std::string uid;
  std::string resourceVersion;

  bool operator==(const EventObject&) const = default;
};

// One thing that happened. Say it once, when it happens; never "still running". Whatever a person
// has to act on is in a condition as well, because events expire.
struct Event {
  EventObject regarding;
  EventType type = EventType::Normal;
  std::string reason;  // CamelCase, few different ones
  std::string action;  // what we did or tried, CamelCase: "Migrate"
  std::string note;    // for people, at most 1024 bytes
  std::optional<EventObject> related;
};

// Where reconcilers say what happened. Never blocks, never fails.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void record(const Event& event) = 0;
};

// The reference for an API object (api/*.h).
template <class T>
EventObject eventObject(const T& object) {
  return {std::string(T::resource.group).append("/").append(T::resource.version),
          std::string(T::resource.kind),
          object.metadata.ns,
          object.metadata.name,
          object.metadata.uid,
          object.metadata.resourceVersion};
}

}  // namespace vnic::runtime
