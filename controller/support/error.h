// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace vnic {

// What a caller may do about an error; the kind decides behaviour, the text is for people.
enum class ErrorKind {
  Transient,          // may work later: connection lost, time-out, 429, 5xx, host away
  Conflict,           // our copy was stale (HTTP 409, optimistic lock): read again, decide again
  OwnershipConflict,  // server-side apply: another field manager owns a field (HTTP 409)
  AlreadyExists,      // create: the name is taken (HTTP 409)
  NotFound,           // HTTP 404, VIR_ERR_NO_DOMAIN
  Gone,               // resourceVersion too old (HTTP 410, Expired): list again
  Invalid,            // our request can never work as it is (HTTP 400, 422, bad XML)
  Forbidden,          // RBAC or credentials (HTTP 401, 403)
  Terminal,           // retrying cannot help
  Cancelled,          // the stop token fired
};

const char* toString(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::Transient;
  std::string message;        // one line, names the thing that failed
  int code = 0;               // HTTP status or libvirt's error code, 0 = none
  int retryAfterSeconds = 0;  // the server's wish (Retry-After), 0 = none

  static Error transient(std::string m) { return {ErrorKind::Transient, std::move(m)}; }
  static Error invalid(std::string m) { return {ErrorKind::Invalid, std::move(m)}; }
  static Error notFound(std::string m) { return {ErrorKind::NotFound, std::move(m)}; }
  static Error terminal(std::string m) { return {ErrorKind::Terminal, std::move(m)}; }
  static Error cancelled(std::string m) { return {ErrorKind::Cancelled, std::move(m)}; }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

inline tl::unexpected<Error> fail(Error e) {
  return tl::unexpected<Error>(std::move(e));
}

}  // namespace vnic
