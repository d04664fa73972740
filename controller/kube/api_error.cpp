// SPDX-License-Identifier: Apache-2.0
#include "kube/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace vnic::kube {
namespace {

constexpr std::size_t kMaxMessageBytes = 1024;  // goes into conditions and logs
// Nobody who means well asks for more, and we would sleep through his recovery.
constexpr int kMaxRetryAfterSeconds = 3600;

std::string_view textOf(simdjson::simdjson_result<simdjson::dom::element> value) {
  std::string_view text;
  if (value.get(text)) return {};
  return text;
}

int numberOf(simdjson::simdjson_result<simdjson::dom::element> value) {
  std::int64_t number = 0;
  if (value.get(number) || number < 0 || number > 1'000'000) return 0;
  return static_cast<int>(number);
}

// A server-side apply that hits another field manager lists the fields as causes; an
// optimistic-lock failure has no such cause. Both are 409 with reason Conflict.
bool hasOwnershipCause(simdjson::dom::element status) {
  simdjson::dom::array causes;
  if (status["details"]["causes"].get(causes)) return false;
  return std::any_of(causes.begin(), causes.end(), [](simdjson::dom::element cause) {
    return textOf(cause["reason"]) == "FieldManagerConflict";
  });
}

ErrorKind kindOf(int code, std::string_view reason, bool ownership) {
  switch (code) {
    case 401:
    case 403:
      return ErrorKind::Forbidden;
    case 404:
      return ErrorKind::NotFound;
    case 408:
    case 429:
      return ErrorKind::Transient;
    case 409:
      if (reason == "AlreadyExists") return ErrorKind::AlreadyExists;
      return ownership ? ErrorKind::OwnershipConflict : ErrorKind::Conflict;
    case 410:
      return ErrorKind::Gone;
    default:
      break;
  }
  if (code >= 500) return ErrorKind::Transient;
  if (code >= 400) return ErrorKind::Invalid;
  return ErrorKind::Terminal;  // 3xx and such: not an API server that we are talking to
}

Error make(int code, std::string_view reason, bool ownership, std::string_view what,
           std::string_view message, int retryAfterSeconds) {
  Error error;
  error.kind = kindOf(code, reason, ownership);
  error.code = code;
  error.retryAfterSeconds = std::min(retryAfterSeconds, kMaxRetryAfterSeconds);
  std::string line(message.substr(0, kMaxMessageBytes));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  error.message = line.empty() ? fmt::format("{}: HTTP {}", what, code)
                               : fmt::format("{}: {} (HTTP {})", what, line, code);
  return error;
}

int retryAfterOf(const HttpResponse& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return 0;
  int seconds = 0;
  const std::string& text = header->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc{} && end == text.data() + text.size() && seconds > 0 ? seconds : 0;
}

}  // namespace

Error errorOfStatus(simdjson::dom::element status, std::string_view what) {
  int code = numberOf(status["code"]);
  const std::string_view reason = textOf(status["reason"]);
  if (code == 0 && (reason == "Expired" || reason == "Gone")) code = 410;
  if (code == 0) code = 500;  // a Status without a code is a server's mistake
  return make(code, reason, hasOwnershipCause(status), what, textOf(status["message"]),
              numberOf(status["details"]["retryAfterSeconds"]));
}

Error errorOfResponse(const HttpResponse& response, std::string_view what) {
  const int retryAfter = retryAfterOf(response);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(response.body).get(root) || textOf(root["kind"]) != "Status") {
    return make(response.status, {}, false, what, response.body, retryAfter);
  }
  const int wished = numberOf(root["details"]["retryAfterSeconds"]);
  return make(response.status, textOf(root["reason"]), hasOwnershipCause(root), what,
              textOf(root["message"]), std::max(retryAfter, wished));
}

}  // namespace vnic::kube
