// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "support/clock.h"

namespace vnic::hypervisor {

// What need not be asked again with each snapshot of a host: which devices are neither PFs nor VFs
// nor their netdevs (most are not, and each costs a call), and whether IOMMU and VFIO work.
// Forgotten now and then, because a card may be plugged into a slot that was something else; an
// IOMMU stays.
class SnapshotCache {
 public:
  bool irrelevant(const std::string& device) const {
    const std::lock_guard lock(mutex_);
    return irrelevant_.contains(device);
  }
  void setIrrelevant(const std::string& device) {
    const std::lock_guard lock(mutex_);
    irrelevant_.insert(device);
  }
  bool iommu() const {
    const std::lock_guard lock(mutex_);
    return iommu_;
  }
  void setIommu() {
    const std::lock_guard lock(mutex_);
    iommu_ = true;
  }
  std::optional<bool> vfio() const {
    const std::lock_guard lock(mutex_);
    return vfio_;
  }
  void setVfio(bool vfio) {
    const std::lock_guard lock(mutex_);
    vfio_ = vfio;
  }
  void forgetIfOld(MonoTime now) {
    const std::lock_guard lock(mutex_);
    if (now - since_ < std::chrono::minutes(10)) return;
    irrelevant_.clear();
    vfio_.reset();
    since_ = now;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> irrelevant_;
  bool iommu_ = false;
  std::optional<bool> vfio_;
  MonoTime since_{};
};

}  // namespace vnic::hypervisor
