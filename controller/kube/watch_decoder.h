// SPDX-License-Identifier: Apache-2.0
// Bytes of a watch -> lines -> events. A watch is one JSON object per line:
//   {"type":"ADDED","object":{...}}
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/error.h"

namespace vnic::kube {

enum class WatchEventType {
  Added,
  Modified,
  Deleted,
  Bookmark,  // `object` holds only kind and metadata.resourceVersion (and annotations)
  Error,     // `object` is a Status: see statusError()
};

const char* toString(WatchEventType type);

// `object` points into the decoder's buffers: it is valid until the next decode() on that decoder.
struct WatchEvent {
  WatchEventType type = WatchEventType::Error;
  simdjson::dom::element object;
};

// Turns one line of a watch into an event. Owns a padded copy of the line (simdjson reads past the
// end of its input) and the parser, both reused from line to line. One decoder per watch.
class WatchDecoder {
 public:
  // Errors: Invalid, for what is not JSON, has no type or object, or an unknown type. A caller
  // skips such a line and goes on; a watch must survive a server that is newer than we are.
  Result<WatchEvent> decode(std::string_view line);

 private:
  simdjson::dom::parser parser_;
  std::vector<char> buffer_;
};

// metadata.resourceVersion, "" when absent.
std::string_view resourceVersionOf(simdjson::dom::element object);

// Does this bookmark end the synthetic ADDED events of a WatchList stream
// (metadata.annotations["k8s.io/initial-events-end"] == "true")?
bool endsInitialEvents(simdjson::dom::element bookmark);

// The Status object of an ERROR event as an Error: code 410 is Gone, 429 and 5xx Transient.
Error statusError(simdjson::dom::element status);

// Cuts a byte stream into lines, whatever the chunks are. Empty lines are dropped.
class LineSplitter {
 public:
  using LineHandler = std::function<void(std::string_view line)>;

  explicit LineSplitter(std::size_t maxLineBytes) : maxLineBytes_(maxLineBytes) {}

  // Error (Transient) when a line is longer than the limit; the stream is then unusable.
  Status feed(std::string_view bytes, const LineHandler& onLine);
  // What is left is a line that was cut off; true when there is none.
  bool atLineEnd() const { return rest_.empty(); }

 private:
  std::size_t maxLineBytes_;
  std::string rest_;
};

}  // namespace vnic::kube
