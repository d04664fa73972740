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

Transition beginAgain(ReflectorState state) {
  relist(state);
  return {std::move(state), StoreAction::Discard, Follow::Now, {}};
}

Transition afterBackoff(ReflectorState state, StoreAction action, const Error& error) {
  return {std::move(state), action, Follow::AfterBackoff,
          std::chrono::seconds(error.retryAfterSeconds)};
}

Transition beginAgainLater(ReflectorState state, const Error& error) {
  relist(state);
  return afterBackoff(std::move(state), StoreAction::Discard, error);
}

Transition onPage(ReflectorState state, const PageRead& page) {
  auto& listing = std::get<Listing>(state.request);
  if (!page.continueToken.empty()) {
    listing.continueToken = page.continueToken;
    return {std::move(state), StoreAction::Buffer, Follow::Now, {}};
  }
  state.resourceVersion = page.resourceVersion;
  state.versionUnavailable = false;
  state.request = Watching{};
  return {std::move(state), StoreAction::BufferAndCommit, Follow::Now, {}};
}

Transition onListFailed(ReflectorState state, const Error& error) {
  auto& listing = std::get<Listing>(state.request);
  if (error.kind == ErrorKind::Gone && !listing.continueToken.empty()) {
    // The list is so long that its snapshot was compacted before its last page: all at once, then.
    listing.continueToken.clear();
    listing.pageSize = 0;
    return {std::move(state), StoreAction::Discard, Follow::Now, {}};
  }
  if (versionRefused(error) && !listing.resourceVersion.empty()) {
    state.versionUnavailable = true;
    return beginAgain(std::move(state));
  }
  return beginAgainLater(std::move(state), error);
}

// A server without WatchList. It stays that way as long as this process lives.
Transition listFromNowOn(ReflectorState state) {
  state.streaming = false;
  return beginAgain(std::move(state));
}

// An error instead of, or within, the initial events.
Transition onStreamingFailed(ReflectorState state, const Error& error) {
  if (error.kind == ErrorKind::Invalid) return listFromNowOn(std::move(state));
  if (versionRefused(error) && !std::get<Streaming>(state.request).resourceVersion.empty()) {
    state.versionUnavailable = true;
    return beginAgain(std::move(state));
  }
  return beginAgainLater(std::move(state), error);
}

Transition onStreamingEvent(ReflectorState state, const EventRead& event) {
  switch (event.type) {
    case kube::WatchEventType::Added:
    case kube::WatchEventType::Modified:
    case kube::WatchEventType::Deleted:
      // Synthetic events are not ordered by resourceVersion: only the bookmark says how far we are.
      return {std::move(state), StoreAction::Buffer, Follow::Stay, {}};
    case kube::WatchEventType::Bookmark:
      // A server that knows WatchList sends no other bookmark before this one. Those before 1.27
      // ignore the parameter, and we would wait for ever.
      if (!event.endsInitialEvents) return listFromNowOn(std::move(state));
      state.resourceVersion = event.resourceVersion;
      state.versionUnavailable = false;
      state.request = Watching{};
      return {std::move(state), StoreAction::Commit, Follow::Stay, {}};
    case kube::WatchEventType::Error:
      break;
  }
  return onStreamingFailed(std::move(state), event.error.value_or(Error{}));
}

Transition onWatchEvent(ReflectorState state, const EventRead& event) {
  if (event.type != kube::WatchEventType::Error) {
    // A version that is not there must not have the next watch begin at "any".
    if (!event.resourceVersion.empty()) state.resourceVersion = event.resourceVersion;
    return {std::move(state), StoreAction::Apply, Follow::Stay, {}};
  }
  const Error error = event.error.value_or(Error{});
  // Gone: list again, and at the last resourceVersion first, which the server's cache may still
  // have.
  if (error.kind == ErrorKind::Gone) return beginAgain(std::move(state));
  if (error.kind == ErrorKind::Transient) {
    return afterBackoff(std::move(state), StoreAction::None, error);
  }
  return beginAgainLater(std::move(state), error);
}

Transition onStreamingEnded(ReflectorState state, const WatchEnded& ended) {
  return onStreamingFailed(std::move(state), ended.result ? Error{} : ended.result.error());
}

Transition onWatchEnded(ReflectorState state, const WatchEnded& ended) {
  if (ended.result) {
    if (!ended.progressed && ended.lasted < kVeryShortWatch) {
      return beginAgainLater(std::move(state), Error{});
    }
    return {std::move(state), StoreAction::None, Follow::Now, {}};
  }
  const Error& error = ended.result.error();
  switch (error.kind) {
    case ErrorKind::Gone:
      return beginAgain(std::move(state));
    // Refused connections, 429, 5xx, a stream that broke: the same watch goes on from where it was.
    case ErrorKind::Transient:
    case ErrorKind::Cancelled:
      return afterBackoff(std::move(state), StoreAction::None, error);
    default:
      return beginAgainLater(std::move(state), error);
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
