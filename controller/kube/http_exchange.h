// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "kube/http_transport.h"

namespace vnic::kube {

// One request under way, between the threads of an HTTP library, which fill it and never block, and
// the one calling thread, which empties it and does. The window between them is bounded.
class HttpExchange {
 public:
  enum class Step { Head, Bytes, End, TimedOut, Stopped };
  // true: there is room for more; false: nobody reads any more.
  using Resume = std::function<void(bool)>;

  explicit HttpExchange(std::size_t windowBytes) : windowBytes_(windowBytes) {}

  // --- the library's side ---
  void head(HttpResponse response);
  // Calls `resume` once, at once or later from the reader's thread; no more bytes before that.
  void put(std::string_view bytes, const Resume& resume);
  void end(std::optional<std::string> failure);
  // The library holds nothing of the request any more, its connection is free for the next one.
  void released();

  // --- the reader's side ---
  // What came next. Head comes once, before any Bytes (moved into `bytes`); End comes last. After
  // an End, complete() tells whether the response was whole.
  Step next(std::stop_token stop, MonoTime until, std::string& bytes);
  // Without this short wait after an End, requests in a row would race for the connection of the
  // one before, and often make another one.
  void waitReleased(Duration atMost);
  // The reader leaves. Returns true when the request is still running and has to be cancelled.
  bool abandon();

  const HttpResponse& response() const { return *head_; }  // after Head
  bool complete() const;
  std::string failure() const;

 private:
  const std::size_t windowBytes_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<HttpResponse> head_;
  bool headTaken_ = false;
  std::string bytes_;
  Resume waiting_;
  bool ended_ = false;
  bool released_ = false;
  bool abandoned_ = false;
  std::optional<std::string> failure_;
};

}  // namespace vnic::kube
