// SPDX-License-Identifier: Apache-2.0
// From a change in a cache to keys in a queue.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "cache/informer.h"
#include "queue/work_queue.h"

namespace vnic::runtime {

// What nobody changed just now (first list, resync) goes behind what somebody did.
template <class T>
int priorityOf(const cache::Change<T>& change) {
  return change.initial || change.unchanged() ? queue::kPriorityBulk : queue::kPriorityChange;
}

// Each changed object's own key.
template <class T>
void enqueueSelf(cache::Informer<T>& informer, queue::WorkQueue& queue) {
  informer.onChange([&queue](const cache::Change<T>& change) {
    queue.add(change.key(), {.priority = priorityOf(change)});
  });
}

// The keys that an object concerns. Asked for both the old and the new object, so that whoever it
// no longer concerns hears of it as well.
template <class T>
void enqueueMapped(cache::Informer<T>& informer, queue::WorkQueue& queue,
                   std::function<std::vector<api::ObjectKey>(const T&)> concerns) {
  informer.onChange([&queue, concerns = std::move(concerns)](const cache::Change<T>& change) {
    const auto add = [&](const T& object) {
      for (const auto& key : concerns(object)) queue.add(key, {.priority = priorityOf(change)});
    };
    if (change.before && !change.unchanged()) add(*change.before);
    if (change.after) add(*change.after);
  });
}

}  // namespace vnic::runtime
