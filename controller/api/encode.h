// SPDX-License-Identifier: Apache-2.0
// Small helpers of the kinds' JSON writers. What is absent is left out, never written as null: with
// server-side apply a field that is left out is released.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace vnic::api {

inline void put(nlohmann::json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

template <class T>
void put(nlohmann::json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

inline void put(nlohmann::json& object, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) object[key] = values;
}

// {name: ...}
inline void putName(nlohmann::json& object, const char* key, const std::string& name) {
  if (!name.empty()) object[key] = {{"name", name}};
}

// A list of objects, each written by `toItem`.
template <class Item, class ToItem>
void putList(nlohmann::json& object, const char* key, const std::vector<Item>& items,
             ToItem toItem) {
  if (items.empty()) return;
  nlohmann::json& list = object[key] = nlohmann::json::array();
  for (const Item& item : items) list.push_back(toItem(item));
}

}  // namespace vnic::api
