// SPDX-License-Identifier: Apache-2.0
#include "cache/reflector_state.h"

#include <utility>

namespace vnic::cache {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// A new beginning, of whichever kind. A list not older than what we have cannot go back in time.
void relist(ReflectorState& state) {
  const std::string wanted = state.versionUnavailable ? "" : state.resourceVersion;
  if (state.streaming) {
    state.request = Streaming{wanted};
  } else if (!wanted.empty()) {
    // In one piece: a paged list at a resourceVersion would go past the watch cache to etcd.
    state.request = Listing{wanted, "", 0};
  } else {
    state.request = Listing{state.versionUnavailable ? "" : "0", "", kListPageSize};
  }
}

// The server has not got as far as the resourceVersion that we ask for (an API server that lags, or
// etcd restored from a backup).
bool tooLargeResourceVersion(const Error& error) {
  return error.code == 504 && error.message.find("Too large resource version") != std::string::npos;
}

bool versionRefused(const Error& error) {
  return error.kind == ErrorKind::Gone || tooLargeResourceVersion(error);
}

Transition beginAgain(ReflectorState state, Follow follow) {
  relist(state);
  return {std::move(state), StoreAction::Discard, follow};
}

Transition onPage(ReflectorState state, const PageRead& page) {
  auto& listing = std::get<Listing>(state.request);
  if (!page.continueToken.empty()) {
    listing.continueToken = page.continueToken;
    return {std::move(state), StoreAction::Buffer, Follow::Now};
  }
  state.resourceVersion = page.resourceVersion;
  state.versionUnavailable = false;
  state.request = Watching{};
  return {std::move(state), StoreAction::BufferAndCommit, Follow::Now};
}

Transition onListFailed(ReflectorState state, const Error& error) {
  auto& listing = std::get<Listing>(state.request);
  if (error.kind == ErrorKind::Gone && !listing.continueToken.empty()) {
    // The list is so long that its snapshot was compacted before its last page: all at once, then.
    listing.continueToken.clear();
    listing.pageSize = 0;
    return {std::move(state), StoreAction::Discard, Follow::Now};
  }
  if (versionRefused(error) && !listing.resourceVersion.empty()) {
    state.versionUnavailable = true;
    return beginAgain(std::move(state), Follow::Now);
  }
  return beginAgain(std::move(state), Follow::AfterBackoff);
}

Transition onStreamingEvent(ReflectorState state, const EventRead& event) {
  switch (event.type) {
    case kube::WatchEventType::Added:
    case kube::WatchEventType::Modified:
    case kube::WatchEventType::Deleted:
      // Synthetic events are not ordered by resourceVersion: only the bookmark says how far we are.
      return {std::move(state), StoreAction::Buffer, Follow::Stay};
    case kube::WatchEventType::Bookmark:
      if (!event.endsInitialEvents) return {std::move(state), StoreAction::None, Follow::Stay};
      state.resourceVersion = event.resourceVersion;
      state.versionUnavailable = false;
      state.request = Watching{};
      return {std::move(state), StoreAction::Commit, Follow::Stay};
    case kube::WatchEventType::Error:
      break;
  }
  if (event.error && versionRefused(*event.error) &&
      !std::get<Streaming>(state.request).resourceVersion.empty()) {
    state.versionUnavailable = true;
    return beginAgain(std::move(state), Follow::Now);
  }
  return beginAgain(std::move(state), Follow::AfterBackoff);
}

Transition onWatchEvent(ReflectorState state, const EventRead& event) {
  switch (event.type) {
    case kube::WatchEventType::Added:
    case kube::WatchEventType::Modified:
    case kube::WatchEventType::Deleted:
      state.resourceVersion = event.resourceVersion;
      return {std::move(state), StoreAction::Apply, Follow::Stay};
    case kube::WatchEventType::Bookmark:
      if (!event.resourceVersion.empty()) state.resourceVersion = event.resourceVersion;
      return {std::move(state), StoreAction::Apply, Follow::Stay};
    case kube::WatchEventType::Error:
      break;
  }
  const ErrorKind kind = event.error ? event.error->kind : ErrorKind::Transient;
  // Gone: list again, and at the last resourceVersion first, which the server's cache may still
  // have.
  if (kind == ErrorKind::Gone) return beginAgain(std::move(state), Follow::Now);
  if (kind == ErrorKind::Transient) {
    return {std::move(state), StoreAction::None, Follow::AfterBackoff};
  }
  return beginAgain(std::move(state), Follow::AfterBackoff);
}

Transition onStreamingEnded(ReflectorState state, const WatchEnded& ended) {
  if (!ended.result && ended.result.error().kind == ErrorKind::Invalid) {
    // A server without WatchList. It stays that way as long as this process lives.
    state.streaming = false;
    return beginAgain(std::move(state), Follow::Now);
  }
  if (!ended.result && versionRefused(ended.result.error()) &&
      !std::get<Streaming>(state.request).resourceVersion.empty()) {
    state.versionUnavailable = true;
    return beginAgain(std::move(state), Follow::Now);
  }
  return beginAgain(std::move(state), Follow::AfterBackoff);
}

Transition onWatchEnded(ReflectorState state, const WatchEnded& ended) {
  if (ended.result) {
    if (ended.events == 0 && ended.lasted < kVeryShortWatch) {
      return beginAgain(std::move(state), Follow::AfterBackoff);
    }
    return {std::move(state), StoreAction::None, Follow::Now};
  }
  switch (ended.result.error().kind) {
    case ErrorKind::Gone:
      return beginAgain(std::move(state), Follow::Now);
    // Refused connections, 429, 5xx, a stream that broke: the same watch goes on from where it was.
    case ErrorKind::Transient:
    case ErrorKind::Cancelled:
      return {std::move(state), StoreAction::None, Follow::AfterBackoff};
    default:
      return beginAgain(std::move(state), Follow::AfterBackoff);
  }
}

}  // namespace

ReflectorState initialState(bool streaming) {
  ReflectorState state;
  state.streaming = streaming;
  relist(state);
  return state;
}

Transition step(ReflectorState state, const ReflectorInput& input) {
  const bool streaming = std::holds_alternative<Streaming>(state.request);
  return std::visit(
      Overloaded{
          [&](const PageRead& page) { return onPage(std::move(state), page); },
          [&](const ListFailed& failed) { return onListFailed(std::move(state), failed.error); },
          [&](const EventRead& event) {
            return streaming ? onStreamingEvent(std::move(state), event)
                             : onWatchEvent(std::move(state), event);
          },
          [&](const WatchEnded& ended) {
            return streaming ? onStreamingEnded(std::move(state), ended)
                             : onWatchEnded(std::move(state), ended);
          },
      },
      input);
}

}  // namespace vnic::cache
