// SPDX-License-Identifier: Apache-2.0
#include "kube/exchange_reader.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace vnic::kube {
namespace {

constexpr Duration kReleaseWait = std::chrono::milliseconds(50);

MonoTime after(MonoTime from, Duration duration) {
  return duration >= MonoTime::max() - from ? MonoTime::max() : from + duration;
}

// The Content-Length, 0 when there is none.
std::size_t announcedBytes(const HttpResponse& head) {
  const auto header = head.headers.find("content-length");
  return header == head.headers.end() ? 0 : std::strtoull(header->second.c_str(), nullptr, 10);
}

}  // namespace

Result<HttpResponse> readExchange(HttpExchange& exchange, const ReadLimits& limits,
                                  std::stop_token stop) {
  // A real connection lives in real time: no Clock here.
  const MonoTime deadline = after(std::chrono::steady_clock::now(), limits.deadline);
  const Error tooBig = Error::transient("the answer is too big");
  bool streaming = false;
  std::string body;
  std::string bytes;
  for (;;) {
    const MonoTime idleEnd = after(std::chrono::steady_clock::now(), limits.idle);
    switch (exchange.next(stop, std::min(deadline, idleEnd), bytes)) {
      case HttpExchange::Step::Stopped:
        return fail(Error::cancelled("stopped"));
      case HttpExchange::Step::TimedOut:
        return fail(Error::transient(idleEnd < deadline
                                         ? "nothing came within the idle limit"
                                         : "no complete answer before the deadline"));
      case HttpExchange::Step::Head:
        streaming = limits.onChunk != nullptr && exchange.response().status / 100 == 2;
        if (!streaming && announcedBytes(exchange.response()) > limits.maxBodyBytes) {
          return fail(tooBig);
        }
        break;
      case HttpExchange::Step::Bytes:
        if (streaming) {
          (*limits.onChunk)(bytes);
        } else if (body.size() + bytes.size() > limits.maxBodyBytes) {
          return fail(tooBig);
        } else {
          body += bytes;
        }
        break;
      case HttpExchange::Step::End:
        if (!exchange.complete()) return fail(Error::transient(exchange.failure()));
        exchange.waitReleased(kReleaseWait);
        HttpResponse response = exchange.response();
        response.body = std::move(body);
        return response;
    }
  }
}

}  // namespace vnic::kube
