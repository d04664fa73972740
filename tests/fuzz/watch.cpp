// SPDX-License-Identifier: Apache-2.0
// A watch's bytes, in chunks of any size, down to typed objects and back to JSON.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "fuzz/fuzz.h"
#include "kube/watch_decoder.h"

using namespace vnic;

namespace {

template <class T>
void decode(simdjson::dom::element object) {
  const auto decoded = T::decode(object);
  if (!decoded) {
    fuzz::require(!decoded.error().message.empty(), "the error says what is wrong");
    return;
  }
  fuzz::require(!decoded->metadata.name.empty(), "an object has a name");
  // Goes into requests: must be JSON that can be written.
  (void)toJson(decoded->spec).dump();
  (void)toJson(decoded->status).dump();
  (void)toJson(decoded->metadata).dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  const std::size_t chunk = size == 0 ? 1 : 1 + data[0] % 61;
  kube::WatchDecoder decoder;
  kube::LineSplitter splitter(16 << 10);
  const auto onLine = [&](std::string_view line) {
    fuzz::require(!line.empty() && line.find('\n') == line.npos, "a line is one line");
    const auto event = decoder.decode(line);
    if (!event) return;
    (void)kube::resourceVersionOf(event->object);
    (void)kube::endsInitialEvents(event->object);
    if (event->type == kube::WatchEventType::Error) (void)kube::statusError(event->object);
    decode<api::VnicProfile>(event->object);
    decode<api::Vnic>(event->object);
    decode<api::VmHost>(event->object);
    decode<api::VmMigration>(event->object);
    decode<api::VfReservation>(event->object);
  };
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, chunk);
    if (!splitter.feed(piece, onLine)) break;
    bytes.remove_prefix(piece.size());
  }
  return 0;
}
