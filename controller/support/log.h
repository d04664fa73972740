// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vnic {

enum class LogFormat { Json, Text };
enum class LogLevel { Debug, Info, Warning, Error };

// Structured log: a message (capital first, no full stop) and key/value pairs. One line a record,
// to stderr. Loggers are cheap to copy; `with` makes one that carries more pairs (controller,
// namespace, name, reconcileID). Never pass a secret.
class Logger {
 public:
  using Field = std::pair<std::string_view, std::string>;

  Logger();  // discards everything; for tests
  static Logger toStderr(LogFormat format, LogLevel level);

  Logger with(std::initializer_list<Field> fields) const;
  void debug(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void info(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void warn(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void error(std::string_view message, std::initializer_list<Field> fields = {}) const;

 private:
  struct Sink;
  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) const;

  std::shared_ptr<Sink> sink_;
  std::vector<std::pair<std::string, std::string>> context_;
};

}  // namespace vnic
