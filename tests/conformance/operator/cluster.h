// SPDX-License-Identifier: Apache-2.0
// A cluster in which the operator works: a real API server, the operator with the rights that it
// ships with, and hosts in memory. What people do, tests do as admin.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/vf_reservation.h"
#include "api/vm_host.h"
#include "api/vm_migration.h"
#include "api/vnic.h"
#include "api/vnic_profile.h"
#include "kube/connection.h"
#include "kube/typed.h"
#include "runtime/lease.h"
#include "support/control_plane_fixture.h"
#include "support/fake_hypervisor.h"
#include "support/running_operator.h"

namespace vnic::test {

// What an operator that makes VmHosts of Nodes needs beside the base.
inline constexpr char kNodeRole[] = "deploy/components/hosts-from-nodes/node_cluster_role.yaml";
inline constexpr char kNodeLibvirtURI[] = "qemu+tls://{name}/system";

inline constexpr char kNamespace[] = "team-a";  // label tier: gold
inline constexpr char kOperatorNamespace[] = "vnic-operator-system";

// A VM of kNamespace and its one NIC.
struct Guest {
  std::string name;
  std::string uuid;
  VmNic nic;

  api::ObjectKey vnic() const { return {kNamespace, name + "-blue"}; }
  std::string claim() const { return "vm-" + uuid; }
  VmShape shape() const;
};

class Cluster {
 public:
  // With host1 and host2, the profiles blue (failover: blue-standby), gold (the same, for
  // namespaces with tier: gold) and blue-standby. No operator runs yet.
  explicit Cluster(ControlPlane::Options options = {});

  const ControlPlane& controlPlane() const { return controlPlane_; }
  FakeHypervisor& hosts() { return hosts_; }
  kube::Client& admin() { return *admin_; }

  // Operators that are started from here on make VmHosts of Nodes, and have the role for that.
  void takeNodes();
  // With another kubeconfig than the operator's own where one is named.
  void startOperator(const std::string& kubeconfig = {});
  // A second one starts, and the first ends in good order: the second leads from then on.
  void handOver();
  // Throws when it does not end well.
  void stopOperator();

  // Names and addresses are never used twice.
  Guest newGuest();
  // Its VM runs on the host with a failover pair, and a Vnic describes it; returns when the
  // operator has adopted it.
  Guest addGuest(const std::string& host);
  void addVnic(const Guest& guest, const std::string& profile = "blue",
               const std::string& deletionPolicy = "Retain");

  // Creates one for the guest; `change` before that.
  api::ObjectKey migrate(const Guest& guest,
                         const std::function<void(api::VmMigrationSpec&)>& change = {});
  // The migration at its end: that phase, and nothing left to do for it.
  api::VmMigration awaitEnd(const api::ObjectKey& migration, const std::string& phase);
  // The guest runs there with its VF, its Vnic says so, it holds that VF and no other, and nobody
  // claims the VM.
  void awaitSettled(const Guest& guest, const std::string& host);

  template <class T>
  void create(const std::string& ns, const std::string& name, const nlohmann::json& spec) {
    api::ObjectMeta meta;
    meta.ns = ns;
    meta.name = name;
    expect(kube::createObject<T>(*admin_, meta, spec));
  }
  template <class T>
  T get(const api::ObjectKey& key) {
    return expect(kube::getObject<T>(*admin_, key));
  }
  template <class T>
  std::vector<T> list() {
    return expect(kube::listPage<T>(*admin_, {})).items;
  }
  template <class T>
  void patch(const api::ObjectKey& key, const nlohmann::json& change) {
    expect(admin_->patch(T::resource, key, kube::PatchType::Merge, change));
  }
  template <class T>
  void remove(const api::ObjectKey& key) {
    expect(admin_->remove(T::resource, key, {}));
  }

  // Asks again and again until it is as `wanted` says. Throws, with the object as it was last, when
  // that takes longer than a minute.
  template <class T>
  T await(const api::ObjectKey& key, const std::string& what,
          const std::function<bool(const T&)>& wanted) {
    std::string last;
    std::optional<T> found;
    const bool came = eventually([&] {
      auto text = admin_->get(T::resource, key);
      last = text ? *text : text.error().message;
      auto object = kube::detail::decodeBody<T>(text);
      if (!object || !wanted(*object)) return false;
      found = std::move(*object);
      return true;
    });
    if (!came) throw std::runtime_error(key.str() + " never was " + what + ":\n" + last);
    return *found;
  }
  template <class T>
  void awaitGone(const api::ObjectKey& key) {
    awaitThat(key.str() + " goes", [&] {
      const auto answer = admin_->get(T::resource, key);
      return !answer && answer.error().kind == ErrorKind::NotFound;
    });
  }
  void awaitThat(const std::string& what, const std::function<bool()>& wanted);

 private:
  static bool eventually(const std::function<bool()>& condition);
  template <class Answer>
  static auto expect(Answer answer) {
    if (!answer) throw std::runtime_error(answer.error().message);
    if constexpr (!std::is_void_v<typename Answer::value_type>) return std::move(*answer);
  }
  void addHost(const std::string& name);
  // In the live definition; "" = none.
  std::string vfOf(const Guest& guest, const std::string& host);

  ControlPlane controlPlane_;
  FakeHypervisor hosts_;
  SystemClock clock_;
  std::unique_ptr<kube::Connection> connection_;
  std::unique_ptr<kube::Client> admin_;
  std::string kubeconfig_;
  std::string nodeLibvirtURI_;
  std::unique_ptr<RunningOperator> operator_;
  int guests_ = 0;
  int migrations_ = 0;
};

// "True", "False", "Unknown" or "", and the reason: "True Attached".
std::string conditionOf(const api::Conditions& conditions, const char* type);

}  // namespace vnic::test
