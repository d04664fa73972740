// SPDX-License-Identifier: Apache-2.0
// The rules of client-go's reflector, one row each.
#include "cache/reflector_state.h"

#include <gtest/gtest.h>

#include <ostream>

namespace vnic::cache {
namespace {

using kube::WatchEventType;
using namespace std::chrono_literals;

using Request = decltype(ReflectorState::request);

Error gone() {
  return {ErrorKind::Gone, "too old resource version", 410};
}
Error tooLarge() {
  return {ErrorKind::Transient, "Timeout: Too large resource version: 90, current: 5", 504};
}

ReflectorState listing(std::string version, std::string token, int size, std::string known = "") {
  return {Listing{std::move(version), std::move(token), size}, std::move(known), false, false};
}
ReflectorState watching(std::string known) {
  return {Watching{}, std::move(known), false, false};
}
ReflectorState streaming(std::string version, std::string known = "") {
  return {Streaming{std::move(version)}, std::move(known), false, true};
}
ReflectorState unavailable(ReflectorState state) {
  state.versionUnavailable = true;
  return state;
}
ReflectorState streamer(ReflectorState state) {
  state.streaming = true;
  return state;
}

EventRead event(WatchEventType type, std::string version) {
  return {type, std::move(version), false, std::nullopt};
}
EventRead endOfInitialEvents(std::string version) {
  return {WatchEventType::Bookmark, std::move(version), true, std::nullopt};
}
EventRead errorEvent(Error error) {
  return {WatchEventType::Error, "", false, std::move(error)};
}
WatchEnded ended(Duration lasted, bool progressed) {
  return {Status{}, lasted, progressed};
}
WatchEnded failed(ErrorKind kind) {
  return {fail(Error{kind, "x"}), 1min, true};
}
Error busy() {
  return {ErrorKind::Transient, "too many requests", 429, 7};
}

struct Case {
  const char* rule;
  ReflectorState before;
  ReflectorInput input;
  ReflectorState after;
  StoreAction action;
  Follow follow;
  Duration atLeast{};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.rule;
}

class StepTest : public ::testing::TestWithParam<Case> {};

TEST_P(StepTest, FollowsTheRule) {
  const Case& c = GetParam();
  const Transition next = step(c.before, c.input);
  EXPECT_EQ(next.state.request.index(), c.after.request.index());
  EXPECT_TRUE(next.state.request == c.after.request);
  EXPECT_EQ(next.state.resourceVersion, c.after.resourceVersion);
  EXPECT_EQ(next.state.versionUnavailable, c.after.versionUnavailable);
  EXPECT_EQ(next.state.streaming, c.after.streaming);
  EXPECT_EQ(next.action, c.action);
  EXPECT_EQ(next.follow, c.follow);
  EXPECT_EQ(next.atLeast, c.atLeast);
}

INSTANTIATE_TEST_SUITE_P(
    List, StepTest,
    ::testing::Values(
        Case{"more pages: the next one by its token", listing("0", "", 500), PageRead{"t1", "7"},
             listing("0", "t1", 500), StoreAction::Buffer, Follow::Now},
        Case{"the last page: everything goes into the store, the watch begins at the list",
             listing("0", "t1", 500), PageRead{"", "7"}, watching("7"),
             StoreAction::BufferAndCommit, Follow::Now},
        Case{"a page whose token is too old: the whole list in one piece", listing("0", "t1", 500),
             ListFailed{gone()}, listing("0", "", 0), StoreAction::Discard, Follow::Now},
        Case{"a list at a version that is gone: the newest, at once", listing("42", "", 0, "42"),
             ListFailed{gone()}, unavailable(listing("", "", 500, "42")), StoreAction::Discard,
             Follow::Now},
        Case{"a version that the server has not reached yet: the newest, at once",
             listing("90", "", 0, "90"), ListFailed{tooLarge()},
             unavailable(listing("", "", 500, "90")), StoreAction::Discard, Follow::Now},
        Case{"the newest is gone as well (a confused server): not at once",
             unavailable(listing("", "", 500, "42")), ListFailed{gone()},
             unavailable(listing("", "", 500, "42")), StoreAction::Discard, Follow::AfterBackoff},
        Case{"a list that fails otherwise: from its first page, after a while",
             listing("0", "t1", 500), ListFailed{Error::transient("refused")},
             listing("0", "", 500), StoreAction::Discard, Follow::AfterBackoff},
        Case{"a server that asks for time gets it", listing("0", "", 500), ListFailed{busy()},
             listing("0", "", 500), StoreAction::Discard, Follow::AfterBackoff, 7s},
        Case{"success makes versions available again", unavailable(listing("", "", 500, "42")),
             PageRead{"", "99"}, watching("99"), StoreAction::BufferAndCommit, Follow::Now}));

INSTANTIATE_TEST_SUITE_P(
    Watch, StepTest,
    ::testing::Values(
        Case{"an event moves on", watching("7"), event(WatchEventType::Modified, "9"),
             watching("9"), StoreAction::Apply, Follow::Stay},
        Case{"a deletion moves on", watching("7"), event(WatchEventType::Deleted, "9"),
             watching("9"), StoreAction::Apply, Follow::Stay},
        Case{"a bookmark moves on", watching("7"), event(WatchEventType::Bookmark, "100"),
             watching("100"), StoreAction::Apply, Follow::Stay},
        Case{"410 in the stream: list again, at the last version first", watching("7"),
             errorEvent(gone()), listing("7", "", 0, "7"), StoreAction::Discard, Follow::Now},
        Case{"410 as the answer: the same", watching("7"), WatchEnded{fail(gone()), 1ms, false},
             listing("7", "", 0, "7"), StoreAction::Discard, Follow::Now},
        Case{"429 or 5xx in the stream: the same watch after a while", watching("7"),
             errorEvent(busy()), watching("7"), StoreAction::None, Follow::AfterBackoff, 7s},
        Case{"429 as the answer: the same", watching("7"), WatchEnded{fail(busy()), 1ms, false},
             watching("7"), StoreAction::None, Follow::AfterBackoff, 7s},
        Case{"an event without a version: the next watch must not begin anywhere", watching("7"),
             event(WatchEventType::Modified, ""), watching("7"), StoreAction::Apply, Follow::Stay},
        Case{"another error in the stream: list again after a while", watching("7"),
             errorEvent(Error{ErrorKind::Invalid, "bad", 400}), listing("7", "", 0, "7"),
             StoreAction::Discard, Follow::AfterBackoff},
        Case{"the server's time is up: watch on, no list", watching("7"), ended(5min, true),
             watching("7"), StoreAction::None, Follow::Now},
        Case{"a quiet watch that lasted: watch on, no list", watching("7"), ended(5min, false),
             watching("7"), StoreAction::None, Follow::Now},
        Case{"a short watch that got further: watch on", watching("7"), ended(10ms, true),
             watching("7"), StoreAction::None, Follow::Now},
        Case{"a very short watch that got nowhere: an error", watching("7"), ended(999ms, false),
             listing("7", "", 0, "7"), StoreAction::Discard, Follow::AfterBackoff},
        Case{"one second is not very short", watching("7"), ended(1s, false), watching("7"),
             StoreAction::None, Follow::Now},
        Case{"the connection broke: the same watch after a while, no list", watching("7"),
             failed(ErrorKind::Transient), watching("7"), StoreAction::None, Follow::AfterBackoff},
        Case{"forbidden: list again after a while", watching("7"), failed(ErrorKind::Forbidden),
             listing("7", "", 0, "7"), StoreAction::Discard, Follow::AfterBackoff}));

INSTANTIATE_TEST_SUITE_P(
    WatchList, StepTest,
    ::testing::Values(
        Case{"synthetic events are buffered and do not move the version", streaming(""),
             event(WatchEventType::Added, "55"), streaming(""), StoreAction::Buffer, Follow::Stay},
        Case{"an ordinary bookmark instead: a server that ignores the wish; lists from now on",
             streaming(""), event(WatchEventType::Bookmark, "60"), listing("0", "", 500),
             StoreAction::Discard, Follow::Now},
        Case{"the bookmark that ends them fills the store; the same stream goes on", streaming(""),
             endOfInitialEvents("60"), streamer(watching("60")), StoreAction::Commit, Follow::Stay},
        Case{"a server that refuses: lists from now on", streaming(""),
             WatchEnded{fail(Error{ErrorKind::Invalid, "forbidden for watch", 422}), 1ms, false},
             listing("0", "", 500), StoreAction::Discard, Follow::Now},
        Case{"a server that refuses in the stream: the same", streaming("60", "60"),
             errorEvent(Error{ErrorKind::Invalid, "forbidden for watch", 422}),
             listing("60", "", 0, "60"), StoreAction::Discard, Follow::Now},
        Case{"forbidden: a list would not help to follow; again after a while", streaming(""),
             failed(ErrorKind::Forbidden), streaming(""), StoreAction::Discard,
             Follow::AfterBackoff},
        Case{"429 before it was complete: after the time that the server asked for", streaming(""),
             WatchEnded{fail(busy()), 1ms, false}, streaming(""), StoreAction::Discard,
             Follow::AfterBackoff, 7s},
        Case{"ended before it was complete: again after a while", streaming(""), ended(2s, false),
             streaming(""), StoreAction::Discard, Follow::AfterBackoff},
        Case{"broken before it was complete: again after a while", streaming(""),
             failed(ErrorKind::Transient), streaming(""), StoreAction::Discard,
             Follow::AfterBackoff},
        Case{"410 while it watches: stream again, not older than what is known",
             streamer(watching("60")), errorEvent(gone()), streaming("60", "60"),
             StoreAction::Discard, Follow::Now},
        Case{"a version that is gone: the newest, at once", streaming("60", "60"),
             errorEvent(gone()), unavailable(streaming("", "60")), StoreAction::Discard,
             Follow::Now},
        Case{"a version not reached yet: the newest, at once", streaming("60", "60"),
             WatchEnded{fail(tooLarge()), 1s, false}, unavailable(streaming("", "60")),
             StoreAction::Discard, Follow::Now}));

TEST(ReflectorState, BeginsWithWhateverTheCacheHas) {
  EXPECT_EQ(initialState(false), listing("0", "", kListPageSize));
  EXPECT_EQ(initialState(true), streaming(""));
}

}  // namespace
}  // namespace vnic::cache
