// SPDX-License-Identifier: Apache-2.0
#include "support/time_format.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace vnic {
namespace {

std::tm utc(WallTime time) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(
                                  std::chrono::floor<std::chrono::seconds>(time).time_since_epoch())
                                  .count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

std::string formatTime(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", utc(time));
}

std::string formatMicroTime(WallTime time) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(
                          time - std::chrono::floor<std::chrono::seconds>(time))
                          .count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", utc(time), micros);
}

std::optional<WallTime> parseTime(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  long nanos = 0;
  if (*rest == '.') {
    long unit = 100'000'000;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) nanos += (*rest - '0') * unit;
  }
  if (std::string_view(rest) != "Z") return std::nullopt;
  const auto base = std::chrono::system_clock::from_time_t(timegm(&parts));
  return base + std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanos));
}

}  // namespace vnic
