// SPDX-License-Identifier: Apache-2.0
#include "kube/watch_decoder.h"

#include <cstring>

#include "kube/api_error.h"

namespace vnic::kube {
namespace {

bool readType(std::string_view text, WatchEventType& type) {
  for (const WatchEventType known :
       {WatchEventType::Added, WatchEventType::Modified, WatchEventType::Deleted,
        WatchEventType::Bookmark, WatchEventType::Error}) {
    if (text == toString(known)) {
      type = known;
      return true;
    }
  }
  return false;
}

}  // namespace

const char* toString(WatchEventType type) {
  switch (type) {
    case WatchEventType::Added:
      return "ADDED";
    case WatchEventType::Modified:
      return "MODIFIED";
    case WatchEventType::Deleted:
      return "DELETED";
    case WatchEventType::Bookmark:
      return "BOOKMARK";
    case WatchEventType::Error:
      return "ERROR";
  }
  return "UNKNOWN";
}

Result<WatchEvent> WatchDecoder::decode(std::string_view line) {
  if (buffer_.size() < line.size() + simdjson::SIMDJSON_PADDING) {
    buffer_.resize(line.size() + simdjson::SIMDJSON_PADDING);
  }
  std::memcpy(buffer_.data(), line.data(), line.size());
  simdjson::dom::element root;
  // false: the buffer is padded already, no copy is needed.
  if (const auto error = parser_.parse(buffer_.data(), line.size(), false).get(root)) {
    return fail(
        Error::invalid(std::string("A watch line is not JSON: ") + simdjson::error_message(error)));
  }
  std::string_view type;
  WatchEvent event;
  if (root["type"].get(type) || root["object"].get(event.object) || !event.object.is_object()) {
    return fail(Error::invalid("A watch line has no type or no object"));
  }
  if (!readType(type, event.type)) {
    return fail(Error::invalid("A watch event has the unknown type \"" + std::string(type) + "\""));
  }
  return event;
}

std::string_view resourceVersionOf(simdjson::dom::element object) {
  std::string_view version;
  if (object["metadata"]["resourceVersion"].get(version)) return {};
  return version;
}

bool endsInitialEvents(simdjson::dom::element bookmark) {
  std::string_view value;
  return !bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"].get(value) &&
         value == "true";
}

Error statusError(simdjson::dom::element status) {
  return errorOfStatus(status, "watch");
}

Status LineSplitter::feed(std::string_view bytes, const LineHandler& onLine) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (rest_.size() + piece.size() > maxLineBytes_) {
      return fail(Error::transient("A line of the watch is longer than " +
                                   std::to_string(maxLineBytes_) + " bytes"));
    }
    if (end == std::string_view::npos) {
      rest_.append(piece);
      return {};
    }
    bytes.remove_prefix(end + 1);
    if (rest_.empty()) {
      if (!piece.empty()) onLine(piece);  // the common case: a whole line in one chunk, no copy
      continue;
    }
    rest_.append(piece);
    // Emptied before the call, so that the splitter is in order whatever the handler does.
    const std::string line = std::exchange(rest_, {});
    onLine(line);
  }
  return {};
}

}  // namespace vnic::kube
