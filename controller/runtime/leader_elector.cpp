// SPDX-License-Identifier: Apache-2.0
#include "runtime/leader_elector.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "api/encode.h"
#include "kube/typed.h"
#include "runtime/uuid.h"
#include "support/time_format.h"

namespace vnic::runtime {
namespace {

constexpr double kJitterFactor = 1.2;
// How long after the end of its Lease a leader that did not notice is declared stuck.
constexpr Duration kStuckTolerance = std::chrono::seconds(20);
constexpr int kReleaseTries = 3;
constexpr Duration kReleaseTime = std::chrono::seconds(2);  // no further try after it

int wholeSeconds(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace

std::string leaderIdentity() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "unknown_" + randomUuid();
  return std::string(host.data()) + "_" + randomUuid();
}

Status LeaderElector::validate(const Options& o) {
  const auto minimum = std::chrono::duration<double>(o.retryPeriod) * kJitterFactor;
  if (o.ns.empty() || o.name.empty() || o.identity.empty()) {
    return fail(Error::invalid("Leader election needs a namespace, a name and an identity"));
  }
  if (o.retryPeriod <= Duration::zero()) {
    return fail(Error::invalid("The retry period must be greater than 0"));
  }
  if (std::chrono::duration<double>(o.renewDeadline) <= minimum) {
    return fail(Error::invalid("The renew deadline must be longer than 1.2 retry periods"));
  }
  if (o.leaseDuration <= o.renewDeadline) {
    return fail(Error::invalid("The lease duration must be longer than the renew deadline"));
  }
  if (o.leaseDuration % std::chrono::seconds(1) != Duration::zero()) {
    return fail(Error::invalid("The lease duration must be a whole number of seconds"));
  }
  return {};
}

LeaderElector::LeaderElector(Options options, kube::Client& client, Clock& clock,
                             LeaderMetrics metrics, const Logger& log)
    : options_(std::move(options)),
      client_(client),
      clock_(clock),
      metrics_(metrics),
      log_(log.with({{"lease", options_.ns + "/" + options_.name}})),
      random_(options_.seed) {}

LeaderElector::~LeaderElector() {
  stop();
}

void LeaderElector::start(std::function<void()> onLost) {
  onLost_ = std::move(onLost);
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

bool LeaderElector::waitUntilLeading(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, std::move(stop), [this] { return role_ != Role::Follower; });
  return role_ == Role::Leader;
}

void LeaderElector::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  release();
}

Duration LeaderElector::timeLeft() const {
  const std::lock_guard lock(mutex_);
  if (role_ != Role::Leader) return Duration::zero();
  return std::max<Duration>(renewedAt_ + options_.leaseDuration - clock_.now(), Duration::zero());
}

std::optional<std::string> LeaderElector::stuck() const {
  const std::lock_guard lock(mutex_);
  if (role_ != Role::Leader) return std::nullopt;
  if (clock_.now() <= renewedAt_ + options_.leaseDuration + kStuckTolerance) return std::nullopt;
  return "the Lease ended without being renewed, and this process did not notice";
}

std::string LeaderElector::leader() const {
  const std::lock_guard lock(mutex_);
  return observed_ ? observed_->spec.holder : "";
}

void LeaderElector::run(std::stop_token stop) {
  log_.info("Started leader election", {{"identity", options_.identity}});
  if (!acquire(stop)) return;
  {
    const std::lock_guard lock(mutex_);
    role_ = Role::Leader;
    changed_.notify_all();
  }
  metrics_.leading.Set(1);
  log_.info("Became leader", {{"identity", options_.identity}});
  renew(stop);
  if (stop.stop_requested()) return;
  {
    const std::lock_guard lock(mutex_);
    role_ = Role::Lost;
    changed_.notify_all();
  }
  metrics_.leading.Set(0);
  log_.error("Lost the Lease", {{"identity", options_.identity}, {"leader", leader()}});
  if (onLost_) onLost_();
}

// True when the Lease is ours, false when stopped.
bool LeaderElector::acquire(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (tryAcquireOrRenew(stop)) return true;
    const auto wait = std::chrono::duration<double>(options_.retryPeriod) *
                      (1.0 + std::uniform_real_distribution<>(0.0, kJitterFactor)(random_));
    clock_.sleepFor(std::chrono::duration_cast<Duration>(wait), stop);
  }
  return false;
}

// Returns when stopped, or when the Lease is lost.
void LeaderElector::renew(std::stop_token stop) {
  Duration wait = options_.retryPeriod;
  while (clock_.sleepFor(wait, stop)) {
    wait = options_.retryPeriod;
    if (tryAcquireOrRenew(stop)) continue;
    if (stop.stop_requested()) return;
    const std::lock_guard lock(mutex_);
    // Another holder in the Lease is certain; no need to wait for the deadline.
    if (observed_ && !observed_->spec.holder.empty() && !heldByUs()) return;
    const Duration left = renewedAt_ + options_.renewDeadline - clock_.now();
    if (left <= Duration::zero()) return;
    wait = std::min(wait, left);
  }
}

bool LeaderElector::tryAcquireOrRenew(const std::stop_token& stop) {
  const auto renewed = renewFast();
  if (renewed) return *renewed;
  return !stop.stop_requested() && acquireSlow();
}

// One write on top of our own last one. nullopt: that is not possible, or was refused.
std::optional<bool> LeaderElector::renewFast() {
  std::optional<Lease> known;
  MonoTime deadline{};
  {
    const std::lock_guard lock(mutex_);
    if (!heldByUs() || clock_.now() >= renewedAt_ + options_.leaseDuration) return std::nullopt;
    known = observed_;
    deadline = renewedAt_ + options_.renewDeadline;
  }
  LeaseRecord record = ours();
  record.acquireTime = known->spec.acquireTime;
  record.transitions = known->spec.transitions;
  if (write(known->metadata, record)) return true;
  // That request may have hung for long. The Lease must not end while another one does.
  if (clock_.now() >= deadline) return false;
  metrics_.slowPaths.Increment();
  return std::nullopt;
}

bool LeaderElector::acquireSlow() {
  const auto current = kube::getObject<Lease>(client_, {options_.ns, options_.name});
  LeaseRecord record = ours();
  record.acquireTime = record.renewTime;
  if (!current) {
    if (current.error().kind == ErrorKind::NotFound) return create(record);
    log_.warn("Reading the Lease failed", {{"error", current.error().message}});
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    observe(*current);
    const auto duration = std::chrono::seconds(current->spec.durationSeconds);
    record.transitions = current->spec.transitions;
    if (heldByUs()) {
      record.acquireTime = current->spec.acquireTime;
    } else if (current->spec.holder.empty() || clock_.now() >= observedAt_ + duration) {
      ++record.transitions;
    } else {
      return false;
    }
  }
  return write(current->metadata, record);
}

LeaseRecord LeaderElector::ours() const {
  LeaseRecord record;
  record.holder = options_.identity;
  record.durationSeconds = wholeSeconds(options_.leaseDuration);
  record.renewTime = formatMicroTime(clock_.wall());
  return record;
}

bool LeaderElector::create(const LeaseRecord& record) {
  const MonoTime sentAt = clock_.now();
  api::ObjectMeta meta;
  meta.ns = options_.ns;
  meta.name = options_.name;
  return accept(kube::createObject<Lease>(client_, meta, toJson(record)), sentAt);
}

// PUT on top of the version that `meta` names; whoever was faster wins.
bool LeaderElector::write(const api::ObjectMeta& meta, const LeaseRecord& record) {
  const MonoTime sentAt = clock_.now();
  nlohmann::json body = kube::objectFrame(Lease::resource, meta.key());
  body["metadata"] = api::toJson(meta);
  body["spec"] = toJson(record);
  return accept(kube::detail::decodeBody<Lease>(client_.update(Lease::resource, body)), sentAt);
}

bool LeaderElector::accept(const Result<Lease>& written, MonoTime sentAt) {
  if (!written) {
    log_.info("Writing the Lease failed", {{"error", written.error().message}});
    return false;
  }
  const std::lock_guard lock(mutex_);
  observe(*written);
  renewedAt_ = sentAt;
  return true;
}

// mutex_ is held. Only a change of the record counts as a sign of life of its holder.
void LeaderElector::observe(const Lease& lease) {
  if (!observed_ || observed_->spec != lease.spec) observedAt_ = clock_.now();
  observed_ = lease;
}

// mutex_ is held.
bool LeaderElector::heldByUs() const {
  return observed_ && observed_->spec.holder == options_.identity;
}

void LeaderElector::release() {
  std::optional<Lease> lease;
  {
    const std::lock_guard lock(mutex_);
    if (role_ == Role::Leader && heldByUs()) lease = observed_;
    role_ = Role::Stopped;
    changed_.notify_all();
  }
  metrics_.leading.Set(0);
  const MonoTime end = clock_.now() + kReleaseTime;
  for (int i = 0; lease && i < kReleaseTries; ++i) {
    LeaseRecord record = lease->spec;
    record.holder.clear();
    record.durationSeconds = 1;
    record.acquireTime = record.renewTime = formatMicroTime(clock_.wall());
    if (write(lease->metadata, record)) {
      log_.info("Released the Lease");
      return;
    }
    if (clock_.now() >= end) return;
    auto current = kube::getObject<Lease>(client_, {options_.ns, options_.name});
    if (!current || current->spec.holder != options_.identity) return;
    lease = std::move(*current);
  }
}

}  // namespace vnic::runtime
