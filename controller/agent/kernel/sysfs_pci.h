// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "agent/network.h"

namespace vnic::agent::kernel {

// The PCI bus as sysfs shows it. Nothing is kept: every question is asked anew.
class SysfsPci final : public PciBus {
 public:
  // `root`: where sysfs is.
  explicit SysfsPci(std::filesystem::path root = "/sys") : root_(std::move(root)) {}

  std::optional<Place> placeOf(const PciAddress& vf) const override;
  std::vector<PciAddress> allVfs() const override;
  bool openByGuest(const PciAddress& vf) const override;
  bool drivenByGuest(const PciAddress& vf) const override;

 private:
  std::filesystem::path device(const PciAddress& address) const;
  bool boundToVfio(const PciAddress& vf) const;

  const std::filesystem::path root_;
};

}  // namespace vnic::agent::kernel
