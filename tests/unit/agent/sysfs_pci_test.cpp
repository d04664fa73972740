// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/sysfs_pci.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"
#include "unit/agent/small_host.h"

namespace vnic::agent::kernel {
namespace {

namespace fs = std::filesystem;
using namespace vnic::test;

// A tree as sysfs has it, with one PF and two VFs.
class Sysfs : public testing::Test {
 protected:
  Sysfs() {
    for (const PciAddress& address : {kPf, kVf, kVf2}) fs::create_directories(device(address));
    addVf(kVf, 0);
    addVf(kVf2, 10);
  }

  fs::path device(const PciAddress& address) { return root_ / "bus/pci/devices" / address.str(); }
  void addVf(const PciAddress& vf, int number) {
    fs::create_symlink("../" + kPf.str(), device(vf) / "physfn");
    fs::create_symlink("../" + vf.str(), device(kPf) / ("virtfn" + std::to_string(number)));
  }
  void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  void bind(const PciAddress& vf, const std::string& driver, const std::string& enabled) {
    fs::remove(device(vf) / "driver");
    fs::create_symlink("../../../../bus/pci/drivers/" + driver, device(vf) / "driver");
    write(device(vf) / "enable", enabled);
  }
  void interrupt(const PciAddress& vf, const std::string& number, const std::string& actions) {
    write(device(vf) / "msi_irqs" / number, "msix");
    write(root_ / "kernel/irq" / number / "actions", actions);
  }

  TemporaryFolder folder_;
  const fs::path& root_ = folder_.path();
};

TEST_F(Sysfs, SaysWhereVfsAre) {
  const SysfsPci pci(root_);
  const auto place = pci.placeOf(kVf2);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->pf, kPf);
  EXPECT_EQ(place->number, 10);
  EXPECT_FALSE(pci.placeOf(kPf)) << "is no VF";
  EXPECT_FALSE(pci.placeOf(kOtherPf)) << "is not there";
  EXPECT_THAT(pci.allVfs(), testing::ElementsAre(kVf, kVf2));
}

TEST_F(Sysfs, AVfIsOpenWhileVfioHasEnabledIt) {
  const SysfsPci pci(root_);
  EXPECT_FALSE(pci.openByGuest(kVf)) << "no driver";
  bind(kVf, "vfio-pci", "0");
  EXPECT_FALSE(pci.openByGuest(kVf));
  bind(kVf, "vfio-pci", "1");
  EXPECT_TRUE(pci.openByGuest(kVf));
  bind(kVf, "igbvf", "1");
  EXPECT_FALSE(pci.openByGuest(kVf)) << "the host's own driver";
}

TEST_F(Sysfs, AGuestDrivesAVfOnceItsInterruptsHaveHandlers) {
  const SysfsPci pci(root_);
  bind(kVf, "vfio-pci", "1");
  EXPECT_FALSE(pci.drivenByGuest(kVf));
  interrupt(kVf, "41", "");
  EXPECT_FALSE(pci.drivenByGuest(kVf)) << "MSI-X is on, the device is not opened";
  interrupt(kVf, "42", "vfio-msix[1](0000:01:10.0)");
  EXPECT_TRUE(pci.drivenByGuest(kVf));
  EXPECT_FALSE(pci.drivenByGuest(kVf2));
}

}  // namespace
}  // namespace vnic::agent::kernel
