// SPDX-License-Identifier: Apache-2.0
// Makes the objects of a world on a real API server, as admin, and waits for what becomes of them:
//
//   bench_load KUBECONFIG world HOSTS VFS_PER_HOST VMS   hosts, profiles, a Vnic for each VM
//   bench_load KUBECONFIG settled VMS                    until every Vnic is Ready and holds one VF
//   bench_load KUBECONFIG finished FIRST COUNT           migrations of the past
//   bench_load KUBECONFIG migrate NAME COUNT             moves the first COUNT VMs, all at once,
//   and
//                                                        waits for the last one's end
//   bench_load KUBECONFIG single NAME COUNT              the same, one after the other
//
// Prints one JSON object with what it took.
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "api/names.h"
#include "api/vf_reservation.h"
#include "bench/world.h"
#include "cache/informer.h"
#include "kube/connection.h"
#include "kube/cpprest_transport.h"
#include "kube/kubeconfig.h"
#include "kube/typed.h"

namespace vnic::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kWriters = 8;
constexpr auto kPatience = 20min;

template <class Answer>
void expect(const Answer& answer) {
  if (!answer) throw std::runtime_error(answer.error().message);
}

double secondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class Load {
 public:
  explicit Load(const std::string& kubeconfig) {
    expect(kube::initializeTransportThreads(kWriters));
    auto config = kube::readKubeconfig({kubeconfig}, "");
    expect(config);
    auto connection = kube::Connection::open(*config, clock_, Logger());
    expect(connection);
    connection_ = std::move(*connection);
    client_ = connection_->makeClient({});
  }

  void world(const WorldSize& size) {
    const nlohmann::json ns{
        {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", kNamespace}}}};
    expect(client_->create({"", "v1", "namespaces", "Namespace", false}, ns));
    create<api::VnicProfile>({"", "blue-standby"}, toJson(standbyProfile()));
    create<api::VnicProfile>({"", "blue"}, toJson(failoverProfile()));
    each(size.hosts, [&](int i) { create<api::VmHost>({"", hostName(i)}, toJson(hostSpec(i))); });
    each(size.vms, [&](int i) { create<api::Vnic>(vnicKey(i), toJson(vnicSpec(i))); });
  }

  void settled(int vms) {
    cache::Informer<api::Vnic> vnics({}, *client_, clock_, Logger());
    cache::Informer<api::VfReservation> reservations({}, *client_, clock_, Logger());
    watch(vnics);
    watch(reservations);
    await([&] {
      int ready = 0;
      for (const auto& vnic : vnics.store().list()) {
        ready += isTrue(vnic->status.conditions, api::condition::kReady) ? 1 : 0;
      }
      const auto held = reservations.store().list();
      return ready == vms && static_cast<int>(held.size()) == vms &&
             std::all_of(held.begin(), held.end(), [](const auto& r) {
               return r->spec.purpose == api::purpose::kInUse && !r->spec.migration;
             });
    });
  }

  void finished(int first, int count) {
    each(count, [&](int i) {
      api::ObjectMeta meta;
      meta.ns = kNamespace;
      meta.name = fmt::format("past-{:06}", first + i);
      meta.annotations = {{api::kFinishedAnnotation, "Succeeded"}};
      expect(kube::createObject<api::VmMigration>(*client_, meta, migrationOf(i % 1000)));
    });
  }

  // The annotation is an operator's last word on a migration.
  void migrate(const std::string& name, int count, bool single) {
    cache::Informer<api::VmMigration> migrations({}, *client_, clock_, Logger());
    watch(migrations);
    const auto key = [&](int i) {
      return api::ObjectKey{kNamespace, fmt::format("{}-{:05}", name, i)};
    };
    const auto done = [&](int i) {
      const auto m = migrations.store().get(key(i));
      return m && m->finished() && m->metadata.finalizers.empty();
    };
    if (single) {
      for (int i = 0; i < count; ++i) {
        create<api::VmMigration>(key(i), migrationOf(i));
        await([&] { return done(i); });
      }
    } else {
      each(count, [&](int i) { create<api::VmMigration>(key(i), migrationOf(i)); });
      int first = 0;  // all before it are done
      await([&] {
        while (first < count && done(first)) ++first;
        return first == count;
      });
    }
    for (int i = 0; i < count; ++i) {
      const auto m = migrations.store().get(key(i));
      const std::string how = m->metadata.annotations.at(api::kFinishedAnnotation);
      if (how != "Succeeded") throw std::runtime_error(key(i).str() + " is " + how);
    }
  }

 private:
  static api::ObjectKey vnicKey(int vm) { return {kNamespace, vmName(vm) + "-blue"}; }
  static nlohmann::json migrationOf(int vm) {
    api::VmMigrationSpec spec;
    spec.vmName = vmName(vm);
    return toJson(spec);
  }

  template <class T>
  void create(const api::ObjectKey& key, nlohmann::json spec) {
    api::ObjectMeta meta;
    meta.ns = key.ns;
    meta.name = key.name;
    expect(kube::createObject<T>(*client_, meta, std::move(spec)));
  }

  template <class Work>
  void each(int count, Work work) {
    std::atomic<int> next = 0;
    std::mutex mutex;
    std::string failure;
    {
      std::vector<std::jthread> writers;
      for (int w = 0; w < kWriters; ++w) {
        writers.emplace_back([&] {
          try {
            for (int i = next++; i < count; i = next++) work(i);
          } catch (const std::exception& error) {
            const std::lock_guard lock(mutex);
            failure = error.what();
          }
        });
      }
    }
    if (!failure.empty()) throw std::runtime_error(failure);
  }

  template <class T>
  void watch(cache::Informer<T>& informer) {
    informer.onChange([this](const auto&) {
      const std::lock_guard lock(mutex_);
      ++changes_;
      changed_.notify_all();
    });
    informer.start();
    if (!informer.waitForSync(1min, {})) throw std::runtime_error("no list of objects");
  }

  void await(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      std::uint64_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = changes_;
      }
      if (condition()) return;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline, [&] { return changes_ != seen; })) {
        throw std::runtime_error("it did not come to an end");
      }
    }
  }

  SystemClock clock_;
  std::unique_ptr<kube::Connection> connection_;
  std::unique_ptr<kube::Client> client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
};

int run(const std::vector<std::string>& arguments) {
  Load load(arguments.at(0));
  const std::string& what = arguments.at(1);
  const auto number = [&](std::size_t i) { return std::stoi(arguments.at(i)); };
  const auto begin = std::chrono::steady_clock::now();
  if (what == "world") {
    load.world({number(2), number(3), number(4)});
  } else if (what == "settled") {
    load.settled(number(2));
  } else if (what == "finished") {
    load.finished(number(2), number(3));
  } else if (what == "migrate" || what == "single") {
    load.migrate(arguments.at(2), number(3), what == "single");
  } else {
    throw std::runtime_error("no such command: " + what);
  }
  std::puts(fmt::format("{{\"seconds\": {:.3f}}}", secondsSince(begin)).c_str());
  return 0;
}

}  // namespace
}  // namespace vnic::bench

int main(int argc, char** argv) {
  try {
    return vnic::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_load: %s\n", error.what());
    return 1;
  }
}
