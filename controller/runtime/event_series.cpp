// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "support/time_format.h"

namespace vnic::runtime {
namespace {

// What the API server accepts.
constexpr std::size_t kMaxNote = 1024;
constexpr std::size_t kMaxShort = 128;
constexpr std::size_t kMaxNamePrefix = 220;

std::string cut(std::string text, std::size_t max) {
  if (text.size() <= max) return text;
  // Not in the middle of a UTF-8 character.
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
  text.resize(max);
  return text;
}

// Notes carry texts from hosts and guests, which may be any bytes.
std::string validUtf8(const std::string& text) {
  const auto replace = nlohmann::json::error_handler_t::replace;
  return nlohmann::json::parse(nlohmann::json(text).dump(-1, ' ', false, replace));
}

nlohmann::json toJson(const EventObject& object) {
  nlohmann::json json{
      {"apiVersion", object.apiVersion}, {"kind", object.kind}, {"name", object.name}};
  if (!object.ns.empty()) json["namespace"] = object.ns;
  if (!object.uid.empty()) json["uid"] = object.uid;
  if (!object.resourceVersion.empty()) json["resourceVersion"] = object.resourceVersion;
  return json;
}

std::string identityOf(const EventObject& object) {
  return object.apiVersion + "|" + object.kind + "|" + object.ns + "|" + object.name + "|" +
         object.uid;
}

EventWrite seriesWrite(const api::ObjectKey& key, const nlohmann::json& object) {
  return {.create = false, .key = key, .object = object};
}

}  // namespace

EventSeries::EventSeries(std::string controller, std::string instance)
    : controller_(std::move(controller)), instance_(cut(std::move(instance), kMaxShort)) {}

std::optional<EventWrite> EventSeries::observe(const Event& event, WallTime at, MonoTime now) {
  const Identity identity = identityOf(event);
  auto found = series_.find(identity);
  if (found != series_.end() && now - found->second.lastSeen >= kSilence) {
    series_.erase(found);  // closed; this is the first of a new one
    found = series_.end();
  }
  if (found == series_.end()) {
    if (series_.size() >= kMaxSeries) forgetTheMostSilent();
    Series first;
    // The time makes the name unique, the number tells apart what happened at the same moment.
    const auto nanos =
        std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
    first.key = {event.regarding.ns.empty() ? "default" : event.regarding.ns,
                 fmt::format("{}.{:x}.{:x}", cut(event.regarding.name, kMaxNamePrefix), nanos,
                             nextNumber_++)};
    first.object = toObject(event, first.key, at);
    first.lastSeen = first.lastWritten = now;
    const Series& stored = series_[identity] = std::move(first);
    return EventWrite{.create = true, .key = stored.key, .object = stored.object};
  }
  Series& series = found->second;
  ++series.count;
  series.lastSeen = now;
  series.object["series"] = {{"count", series.count}, {"lastObservedTime", formatMicroTime(at)}};
  series.dirty = true;
  if (series.count > 2) return std::nullopt;
  series.lastWritten = now;
  series.dirty = false;
  return seriesWrite(series.key, series.object);
}

std::vector<EventWrite> EventSeries::maintain(MonoTime now) {
  std::vector<EventWrite> writes;
  for (auto entry = series_.begin(); entry != series_.end();) {
    Series& series = entry->second;
    const bool closed = now - series.lastSeen >= kSilence;
    if (series.dirty && (closed || now - series.lastWritten >= kRefreshPeriod)) {
      writes.push_back(seriesWrite(series.key, series.object));
      series.lastWritten = now;
      series.dirty = false;
    }
    entry = closed ? series_.erase(entry) : std::next(entry);
  }
  return writes;
}

// A walk over all of them costs less than the request for the event that brought us here.
void EventSeries::forgetTheMostSilent() {
  series_.erase(std::min_element(series_.begin(), series_.end(), [](const auto& a, const auto& b) {
    return a.second.lastSeen < b.second.lastSeen;
  }));
}

EventSeries::Identity EventSeries::identityOf(const Event& event) {
  return {static_cast<int>(event.type), event.reason, event.action,
          runtime::identityOf(event.regarding),
          event.related ? runtime::identityOf(*event.related) : ""};
}

nlohmann::json EventSeries::toObject(const Event& event, const api::ObjectKey& key,
                                     WallTime at) const {
  nlohmann::json object{
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata", {{"namespace", key.ns}, {"name", key.name}}},
      {"eventTime", formatMicroTime(at)},
      {"reportingController", controller_},
      {"reportingInstance", instance_},
      {"type", event.type == EventType::Normal ? "Normal" : "Warning"},
      {"reason", cut(event.reason, kMaxShort)},
      // The API server wants one in any case.
      {"action", cut(event.action.empty() ? event.reason : event.action, kMaxShort)},
      {"note", cut(validUtf8(event.note), kMaxNote)},
      {"regarding", toJson(event.regarding)}};
  if (event.related) object["related"] = toJson(*event.related);
  return object;
}

}  // namespace vnic::runtime
