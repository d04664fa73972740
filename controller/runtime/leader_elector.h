// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include "kube/client.h"
#include "runtime/lease.h"
#include "runtime/metrics.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"

namespace vnic::runtime {

// hostname_uuid, for the holder of a leader Lease: never the same twice, also not after a restart.
std::string leaderIdentity();

// Elects one leader among operators by a Lease, with client-go's protocol. Whoever does not lead
// judges by its own monotonic clock since it last saw the Lease change, never by the times in it.
//
// Nothing fences off a leader that was paused for longer than the Lease lasts: two may think that
// they lead. So an effect looks at timeLeft() first, and is safe to repeat or guarded in itself.
class LeaderElector {
 public:
  struct Options {
    std::string ns;
    std::string name = "vnic-operator";  // of the Lease
    std::string identity;
    Duration leaseDuration = std::chrono::seconds(15);
    Duration renewDeadline = std::chrono::seconds(10);
    Duration retryPeriod = std::chrono::seconds(2);
    std::uint64_t seed = 0;  // spreads the tries of several followers
  };

  // `client` must give up on a request before the Lease is over: use one with a deadline of at most
  // renewDeadline / 2.
  LeaderElector(Options options, kube::Client& client, Clock& clock, LeaderMetrics metrics,
                const Logger& log);
  ~LeaderElector();
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  // Invalid unless leaseDuration > renewDeadline > 1.2 * retryPeriod > 0, a whole number of seconds
  // for the first, and names are given.
  static Status validate(const Options& options);

  // Tries until it leads, then renews, on a thread of its own. `onLost` is called on that thread
  // when a Lease that was held could not be renewed within renewDeadline: end the process at once.
  void start(std::function<void()> onLost);
  // True once it leads; false when stopped first.
  bool waitUntilLeading(std::stop_token stop);
  // Ends renewing, and gives the Lease back so that the next leader need not wait for its end. Only
  // after all work that needs the Lease has stopped. An API server that does not answer costs two
  // deadlines of the client: the Lease then ends by itself.
  void stop();

  bool leading() const { return timeLeft() > Duration::zero(); }
  // How long nobody else can lead yet: leaseDuration from the moment when the last successful
  // renewal was sent. 0 when not leading.
  Duration timeLeft() const;
  // For a liveness check: the reason why this process should be restarted, if there is one, which
  // is a leader that neither renewed its Lease nor noticed that it lost it.
  std::optional<std::string> stuck() const;
  // Who leads, as last seen; "" = nobody or unknown.
  std::string leader() const;

 private:
  enum class Role { Follower, Leader, Lost, Stopped };

  void run(std::stop_token stop);
  bool acquire(std::stop_token stop);
  void renew(std::stop_token stop);
  bool tryAcquireOrRenew(const std::stop_token& stop);
  std::optional<bool> renewFast();
  bool acquireSlow();
  LeaseRecord ours() const;
  bool create(const LeaseRecord& record);
  bool write(const api::ObjectMeta& meta, const LeaseRecord& record);
  bool accept(const Result<Lease>& written, MonoTime sentAt);
  void observe(const Lease& lease);
  void release();
  bool heldByUs() const;

  Options options_;
  kube::Client& client_;
  Clock& clock_;
  LeaderMetrics metrics_;
  Logger log_;
  std::function<void()> onLost_;
  std::mt19937_64 random_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Role role_ = Role::Follower;
  std::optional<Lease> observed_;  // as last read or written
  MonoTime observedAt_{};          // when it last changed, by our clock
  MonoTime renewedAt_{};           // when our last successful write was sent
  std::jthread thread_;
};

}  // namespace vnic::runtime
