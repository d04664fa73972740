// SPDX-License-Identifier: Apache-2.0
#include "support/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "support/time_format.h"

namespace vnic {
namespace {

spdlog::level::level_enum toSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

const char* name(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warning:
      return "warning";
    case LogLevel::Error:
      return "error";
  }
  return "info";
}

}  // namespace

struct Logger::Sink {
  LogFormat format;
  std::shared_ptr<spdlog::logger> out;
};

Logger::Logger() = default;

Logger Logger::toStderr(LogFormat format, LogLevel level) {
  Logger logger;
  auto out =
      std::make_shared<spdlog::logger>("vnic", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  out->set_pattern("%v");  // the record is formatted here, spdlog serialises the writing
  out->set_level(toSpdlog(level));
  out->flush_on(spdlog::level::debug);
  logger.sink_ = std::make_shared<Sink>(Sink{format, std::move(out)});
  return logger;
}

Logger Logger::with(std::initializer_list<Field> fields) const {
  Logger copy = *this;
  for (const auto& [key, value] : fields) copy.context_.emplace_back(key, value);
  return copy;
}

void Logger::debug(std::string_view m, std::initializer_list<Field> f) const {
  write(LogLevel::Debug, m, f);
}
void Logger::info(std::string_view m, std::initializer_list<Field> f) const {
  write(LogLevel::Info, m, f);
}
void Logger::warn(std::string_view m, std::initializer_list<Field> f) const {
  write(LogLevel::Warning, m, f);
}
void Logger::error(std::string_view m, std::initializer_list<Field> f) const {
  write(LogLevel::Error, m, f);
}

void Logger::write(LogLevel level, std::string_view message,
                   std::initializer_list<Field> fields) const {
  if (!sink_ || !sink_->out->should_log(toSpdlog(level))) return;
  const std::string time = formatMicroTime(std::chrono::system_clock::now());
  std::string line;
  if (sink_->format == LogFormat::Json) {
    nlohmann::ordered_json record{{"time", time}, {"level", name(level)}, {"msg", message}};
    for (const auto& [key, value] : context_) record[key] = value;
    for (const auto& [key, value] : fields) record[std::string(key)] = value;
    // Text from hosts and guests may not be UTF-8; a log line must not throw for that.
    line = record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    const auto quoted = [](std::string_view text) {
      return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    line = fmt::format("{} {:<7} {}", time, name(level), message);
    for (const auto& [key, value] : context_) line += fmt::format(" {}={}", key, quoted(value));
    for (const auto& [key, value] : fields) line += fmt::format(" {}={}", key, quoted(value));
  }
  sink_->out->log(toSpdlog(level), "{}", line);
}

}  // namespace vnic
