// SPDX-License-Identifier: Apache-2.0
#include "kube/watch_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vnic::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(WatchDecoder, ReadsEachTypeOfEvent) {
  const std::pair<const char*, WatchEventType> cases[] = {
      {"ADDED", WatchEventType::Added},     {"MODIFIED", WatchEventType::Modified},
      {"DELETED", WatchEventType::Deleted}, {"BOOKMARK", WatchEventType::Bookmark},
      {"ERROR", WatchEventType::Error},
  };
  WatchDecoder decoder;
  for (const auto& [text, type] : cases) {
    const auto event = decoder.decode(std::string(R"({"type":")") + text +
                                      R"(","object":{"metadata":{"resourceVersion":"42"}}})");
    ASSERT_TRUE(event) << text;
    EXPECT_EQ(event->type, type);
    EXPECT_EQ(resourceVersionOf(event->object), "42");
  }
}

TEST(WatchDecoder, AnEventStaysReadableUntilTheNextOne) {
  WatchDecoder decoder;
  std::string line = R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}})";
  const auto event = decoder.decode(line);
  line.assign(line.size(), 'x');  // the stream's buffer is reused at once
  ASSERT_TRUE(event);
  EXPECT_EQ(resourceVersionOf(event->object), "7");
}

TEST(WatchDecoder, RefusesALineAndGoesOnWithTheNextOne) {
  WatchDecoder decoder;
  for (const char* line : {"", "nonsense", "{\"type\":\"ADDED\"", "[]", "null", "{}",
                           R"({"type":"ADDED"})", R"({"type":"ADDED","object":[]})",
                           R"({"type":7,"object":{}})", R"({"type":"RENAMED","object":{}})",
                           "{\"type\":\"ADDED\",\"object\":{\"a\":\"\xff\xfe\"}}"}) {
    const auto event = decoder.decode(line);
    ASSERT_FALSE(event) << line;
    EXPECT_EQ(event.error().kind, ErrorKind::Invalid) << line;
    EXPECT_TRUE(decoder.decode(R"({"type":"ADDED","object":{}})")) << "after: " << line;
  }
}

TEST(WatchDecoder, KnowsTheBookmarkThatEndsTheInitialEvents) {
  WatchDecoder decoder;
  const auto ends = [&](const std::string& metadata) {
    return endsInitialEvents(
        decoder.decode(R"({"type":"BOOKMARK","object":{"metadata":)" + metadata + "}}")->object);
  };
  EXPECT_TRUE(ends(R"({"annotations":{"k8s.io/initial-events-end":"true"}})"));
  EXPECT_FALSE(ends(R"({"annotations":{"k8s.io/initial-events-end":"false"}})"));
  EXPECT_FALSE(ends(R"({"annotations":{}})"));
  EXPECT_FALSE(ends(R"({"resourceVersion":"5"})"));
}

// A 410 in the middle of a watch comes as an event inside HTTP 200.
TEST(WatchDecoder, ReadsTheStatusOfAnErrorEvent) {
  WatchDecoder decoder;
  const auto event =
      decoder.decode(R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)"
                     R"-("status":"Failure","message":"too old resource version: 1 (905)",)-"
                     R"("reason":"Expired","code":410}})");
  ASSERT_TRUE(event);
  const Error error = statusError(event->object);
  EXPECT_EQ(error.kind, ErrorKind::Gone);
  EXPECT_EQ(error.code, 410);
  EXPECT_THAT(error.message, HasSubstr("too old resource version"));
}

std::vector<std::string> split(const std::vector<std::string>& chunks, LineSplitter& splitter) {
  std::vector<std::string> lines;
  for (const std::string& chunk : chunks) {
    EXPECT_TRUE(splitter.feed(chunk, [&](std::string_view line) { lines.emplace_back(line); }));
  }
  return lines;
}

TEST(LineSplitter, FindsTheSameLinesHoweverTheBytesAreCut) {
  const std::string text = "first\nsecond line\n\nlast\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    std::vector<std::string> chunks;
    for (std::size_t at = 0; at < text.size(); at += size) chunks.push_back(text.substr(at, size));
    LineSplitter splitter(100);
    EXPECT_THAT(split(chunks, splitter), ElementsAre("first", "second line", "last"))
        << "pieces of " << size;
    EXPECT_TRUE(splitter.atLineEnd());
  }
}

TEST(LineSplitter, KeepsAnUnfinishedLineToItself) {
  LineSplitter splitter(100);
  EXPECT_THAT(split({"whole\nhal"}, splitter), ElementsAre("whole"));
  EXPECT_FALSE(splitter.atLineEnd());
}

TEST(LineSplitter, RefusesALineBeyondTheLimitInWhateverPieces) {
  const auto ignore = [](std::string_view) {};
  EXPECT_TRUE(LineSplitter(10).feed("0123456789\n", ignore));
  EXPECT_FALSE(LineSplitter(10).feed("0123456789a\n", ignore));
  LineSplitter splitter(10);
  EXPECT_TRUE(splitter.feed("01234567", ignore));
  const Status tooLong = splitter.feed("89a", ignore);
  ASSERT_FALSE(tooLong);
  EXPECT_EQ(tooLong.error().kind, ErrorKind::Transient);
}

}  // namespace
}  // namespace vnic::kube
