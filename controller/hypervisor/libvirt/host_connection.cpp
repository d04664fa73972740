// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/libvirt/host_connection.h"

#include <thread>
#include <utility>

#include "hypervisor/libvirt/socket_keepalive.h"
#include "support/backoff.h"

namespace vnic::hypervisor {
namespace {

// libvirtd serves five calls of a connection at once (max_client_requests) and lets others wait:
// more threads than that would only stand behind a stuck call.
constexpr std::size_t kQueryThreads = 2, kChangeThreads = 2, kAbortThreads = 1;
constexpr std::size_t kQueueLimit = 256;
// Attempts to connect that have not come back yet; a host that accepts and then hangs makes them.
constexpr int kMaxPendingAttempts = 4;
constexpr Duration kHealthy = std::chrono::seconds(30);
constexpr Duration kLivenessInterval = std::chrono::seconds(2);

}  // namespace

// Shared with the threads, which may outlive the object.
struct HostConnection::State {
  std::string host;
  std::string uri;
  LibvirtOptions options;
  std::shared_ptr<EventLoop> loop;
  std::shared_ptr<OpenLinks> openLinks;
  std::shared_ptr<EventSink> sink;
  Logger log;

  std::mutex mutex;
  std::condition_variable changed;
  bool stop = false;
  std::shared_ptr<Link> link;     // the connection in use
  std::shared_ptr<Link> arrived;  // a new one, to be taken into use
  int pending = 0;
  int failures = 0;
  Error lastError = Error::transient("the first attempt to connect is under way");

  bool usable() const { return link && !link->closed(); }
};

HostConnection::HostConnection(const std::string& host, const std::string& uri,
                               const LibvirtOptions& options, std::shared_ptr<EventLoop> loop,
                               std::shared_ptr<OpenLinks> openLinks,
                               std::shared_ptr<EventSink> sink, const Logger& log)
    : state_(std::make_shared<State>()),
      queries_(host, kQueryThreads, kQueueLimit),
      changes_(host, kChangeThreads, kQueueLimit),
      aborts_(host, kAbortThreads, kQueueLimit) {
  state_->host = host;
  state_->uri = uri;
  state_->options = options;
  state_->loop = std::move(loop);
  state_->openLinks = std::move(openLinks);
  state_->sink = std::move(sink);
  state_->log = log.with({{"host", host}});
  std::thread([state = state_] { supervise(state); }).detach();
}

HostConnection::~HostConnection() {
  const std::lock_guard lock(state_->mutex);
  state_->stop = true;
  state_->changed.notify_all();
}

const std::string& HostConnection::uri() const {
  return state_->uri;
}

Result<std::shared_ptr<Link>> HostConnection::current(const std::string& what) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->usable()) return state_->link;
  return fail(Error{
      ErrorKind::Transient,
      fmt::format("{}: {} is not connected: {}", what, state_->host, state_->lastError.message),
      state_->lastError.code});
}

void HostConnection::attempt(const std::shared_ptr<State>& state) {
  const std::weak_ptr<State> weak = state;
  auto opened = Link::open(state->uri, state->options, state->loop, state->openLinks, [weak] {
    const auto alive = weak.lock();
    if (!alive) return;
    const std::lock_guard lock(alive->mutex);
    alive->changed.notify_all();
  });
  if (opened) (*opened)->subscribe(state->host, state->sink);
  std::shared_ptr<Link> unwanted;  // closed after the lock is gone
  const std::lock_guard lock(state->mutex);
  --state->pending;
  if (!opened) {
    ++state->failures;
    state->lastError = opened.error();
  } else if (state->stop || state->usable() || state->arrived) {
    unwanted = std::move(*opened);
  } else {
    state->arrived = std::move(*opened);
  }
  state->changed.notify_all();
}

void HostConnection::supervise(const std::shared_ptr<State>& state) {
  Backoff backoff({state->options.reconnectInitial, state->options.reconnectCap, 2.0, 0.5},
                  std::hash<std::string>{}(state->host));
  std::string reported;
  std::unique_lock lock(state->mutex);
  while (!state->stop) {
    if (state->arrived) {
      state->link = std::move(state->arrived);
      state->arrived.reset();
      const auto since = std::chrono::steady_clock::now();
      lock.unlock();
      reported.clear();
      state->log.info("Connected");
      state->sink->emit({state->host, "", "connected"});
      lock.lock();
      const auto ended = [&] { return state->stop || !state->usable(); };
      while (!state->changed.wait_for(lock, kLivenessInterval, ended)) {
        const std::shared_ptr<Link> link = state->link;
        lock.unlock();
        link->noticeSilentClose();
        lock.lock();
      }
      if (std::chrono::steady_clock::now() - since > kHealthy) backoff.reset();
      const std::shared_ptr<Link> lost = std::move(state->link);
      state->link.reset();
      state->lastError = Error::transient("the connection was lost");
      if (state->stop) break;
      lock.unlock();
      state->log.warn("Connection lost");
      state->sink->emit({state->host, "", "disconnected"});
      lock.lock();
      continue;
    }
    const int failures = state->failures;
    if (state->pending < kMaxPendingAttempts) {
      ++state->pending;
      std::thread([state] { attempt(state); }).detach();
    }
    const bool answered = state->changed.wait_for(lock, state->options.connectTimeout, [&] {
      return state->stop || state->arrived || state->failures != failures;
    });
    if (!answered) {
      state->lastError = Error::transient("no answer to the attempt to connect");
      lock.unlock();
      enableSocketKeepalive();
      lock.lock();
    }
    if (state->stop || state->arrived) continue;
    if (reported != state->lastError.message) {
      reported = state->lastError.message;
      state->log.warn("Cannot connect", {{"error", reported}});
      lock.unlock();
      state->sink->emit({state->host, "", "disconnected"});
      lock.lock();
    }
    state->changed.wait_for(lock, backoff.next(), [&] { return state->stop || state->arrived; });
  }
  const std::shared_ptr<Link> last = std::move(state->link);
  const std::shared_ptr<Link> unwanted = std::move(state->arrived);
  lock.unlock();
}

}  // namespace vnic::hypervisor
