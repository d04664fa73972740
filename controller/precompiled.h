// SPDX-License-Identifier: Apache-2.0
// What most sources include and what is slow to read; precompiled once and put in front of every
// source. A convenience of the build alone: every file includes what it uses (`make lint`).
#pragma once

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tl/expected.hpp>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
