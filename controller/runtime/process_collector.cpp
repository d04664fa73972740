// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_collector.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace vnic::runtime {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void add(std::vector<MetricFamily>& families, const char* name, const char* help, MetricType type,
         std::optional<double> value) {
  if (!value) return;
  ClientMetric metric;
  if (type == MetricType::Counter) {
    metric.counter.value = *value;
  } else {
    metric.gauge.value = *value;
  }
  families.push_back({name, help, type, {metric}});
}

// Fields 14 (utime), 15 (stime), 22 (starttime), 23 (vsize), 24 (rss) of /proc/self/stat.
struct Stat {
  double cpuTicks = 0;
  double startTicks = 0;
  double virtualBytes = 0;
  double residentPages = 0;
};

std::optional<Stat> readStat() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // The second field is the command's name, in parentheses, and may hold blanks and parentheses.
  const auto end = text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(end + 1));
  Stat stat;
  std::string skipped;
  for (int field = 3; field <= 24; ++field) {
    double value = 0;
    if (field == 3) {
      rest >> skipped;
      continue;
    }
    rest >> value;
    if (field == 14 || field == 15) stat.cpuTicks += value;
    if (field == 22) stat.startTicks = value;
    if (field == 23) stat.virtualBytes = value;
    if (field == 24) stat.residentPages = value;
  }
  if (!rest) return std::nullopt;
  return stat;
}

std::optional<double> bootTime() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return std::nullopt;
}

std::optional<double> openFiles() {
  std::error_code error;
  double count = 0;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error) return std::nullopt;
  return count - 1;  // the one that reads the folder
}

std::optional<double> softLimit(decltype(RLIMIT_NOFILE) resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::vector<MetricFamily> ProcessCollector::Collect() const {
  const auto stat = readStat();
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  std::vector<MetricFamily> families;
  if (stat) {
    add(families, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
        MetricType::Counter, stat->cpuTicks / ticks);
    add(families, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
        MetricType::Gauge, stat->virtualBytes);
    add(families, "process_resident_memory_bytes", "Resident memory size in bytes.",
        MetricType::Gauge, stat->residentPages * page);
    if (const auto boot = bootTime()) {
      add(families, "process_start_time_seconds",
          "Start time of the process since unix epoch in seconds.", MetricType::Gauge,
          *boot + stat->startTicks / ticks);
    }
  }
  add(families, "process_virtual_memory_max_bytes",
      "Maximum amount of virtual memory available in bytes.", MetricType::Gauge,
      softLimit(RLIMIT_AS));
  add(families, "process_open_fds", "Number of open file descriptors.", MetricType::Gauge,
      openFiles());
  add(families, "process_max_fds", "Maximum number of open file descriptors.", MetricType::Gauge,
      softLimit(RLIMIT_NOFILE));
  return families;
}

}  // namespace vnic::runtime
