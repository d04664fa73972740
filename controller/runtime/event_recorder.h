// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "kube/client.h"
#include "runtime/event_series.h"
#include "runtime/event_sink.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::runtime {

// Writes events.k8s.io/v1 Events from a thread of its own. Equal events become one Event with a
// series. record() never waits: what does not fit into the queue is dropped and counted in the log.
class EventRecorder final : public EventSink {
 public:
  struct Options {
    std::string controller = "vnic.dev/vnic-operator";  // reportingController
    std::string instance;                               // reportingInstance, at most 128 bytes
    std::size_t capacity = 1000;
    int maxTries = 12;
    Duration retryPeriod = std::chrono::seconds(10);
    Duration flushTime = std::chrono::seconds(2);  // of stop(), for what is still queued
  };

  EventRecorder(Options options, kube::Client& client, Clock& clock, const Logger& log);
  ~EventRecorder() override;
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void start();
  // Writes what is queued, for at most flushTime, and ends the thread.
  void stop();

  void record(const Event& event) override;

 private:
  struct Write {
    EventWrite write;
    int tries = 0;
    MonoTime notBefore{};
  };

  void run(std::stop_token stop);
  void flush();
  void collect();
  MonoTime writeDue(std::stop_token stop);
  bool attempt(Write& item);
  Result<std::string> send(const EventWrite& write);

  Options options_;
  kube::Client& client_;
  Clock& clock_;
  Logger log_;

  std::mutex mutex_;
  std::condition_variable_any wakeup_;
  struct Incoming {
    Event event;
    WallTime at;
  };
  std::deque<Incoming> incoming_;
  std::uint64_t dropped_ = 0;

  // Only the thread uses these.
  EventSeries series_;
  std::deque<Write> pending_;
  std::jthread thread_;
};

}  // namespace vnic::runtime
