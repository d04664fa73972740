// SPDX-License-Identifier: Apache-2.0
// What a reflector does next, as a pure function: (state, what the API server answered) -> (state,
// what to do with the objects, how to go on). The rules are client-go's. No object and no I/O in
// here; cache/reflector.h drives it.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "kube/watch_decoder.h"
#include "support/clock.h"
#include "support/error.h"

namespace vnic::cache {

inline constexpr int kListPageSize = 500;
// A watch that ends sooner, without anything new, did not work.
inline constexpr Duration kVeryShortWatch = std::chrono::seconds(1);

// --- States: which request is under way, with all that only this request has.

// A list; its pages are buffered until the last one is there.
struct Listing {
  std::string resourceVersion;   // not older than this; "0" = any, "" = most recent
  std::string continueToken;     // "" = first page
  int pageSize = kListPageSize;  // 0 = all at once
  bool operator==(const Listing&) const = default;
};
// A watch that begins with all objects (WatchList); these are buffered until a bookmark ends them.
struct Streaming {
  std::string resourceVersion;  // not older than this; "" = most recent
  bool operator==(const Streaming&) const = default;
};
// A watch from ReflectorState::resourceVersion.
struct Watching {
  bool operator==(const Watching&) const = default;
};

struct ReflectorState {
  std::variant<Listing, Streaming, Watching> request;
  std::string resourceVersion;  // everything up to here is in the store; "" = never listed
  bool versionUnavailable =
      false;               // the server no longer has it: the next list asks for the newest
  bool streaming = false;  // begin with a WatchList; false once a server refused it
  bool operator==(const ReflectorState&) const = default;
};

ReflectorState initialState(bool streaming);

// --- Inputs.

struct PageRead {
  std::string continueToken;
  std::string resourceVersion;
};
struct ListFailed {
  Error error;
};
// One event of a watch, without its object.
struct EventRead {
  kube::WatchEventType type = kube::WatchEventType::Added;
  std::string resourceVersion;
  bool endsInitialEvents = false;  // Bookmark only
  std::optional<Error> error;      // Error only
};
struct WatchEnded {
  Status result;
  Duration lasted{};
  bool progressed = false;  // it moved the resourceVersion
};
using ReflectorInput = std::variant<PageRead, ListFailed, EventRead, WatchEnded>;

// --- Outputs.

enum class StoreAction {
  None,
  Buffer,           // add the page or event to the buffer
  BufferAndCommit,  // the last page: add it, then the buffer becomes the store's content
  Commit,           // the buffer becomes the store's content
  Discard,          // forget the buffer
  Apply,            // apply the event to the store
};
enum class Follow {
  Stay,          // read on in the same watch
  Now,           // end this request, send what `request` says
  AfterBackoff,  // the same, after a while
};

struct Transition {
  ReflectorState state;
  StoreAction action = StoreAction::None;
  Follow follow = Follow::Stay;
  Duration atLeast{};  // AfterBackoff: and not before this has passed, the server asked for it
};

Transition step(ReflectorState state, const ReflectorInput& input);

}  // namespace vnic::cache
