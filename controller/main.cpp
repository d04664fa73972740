// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "app/app.h"
#include "app/options.h"

namespace {

struct Run {
  int operator()(const vnic::app::Options& options) const { return vnic::app::run(options); }
  int operator()(const vnic::app::CheckHostOptions& options) const {
    return vnic::app::checkHost(options);
  }
  int operator()(const vnic::app::CheckClusterOptions& options) const {
    return vnic::app::checkCluster(options);
  }
  int operator()(const vnic::app::DescribeHostOptions& options) const {
    return vnic::app::describeHost(options);
  }
  int operator()(const vnic::app::Exit& exit) const {
    std::fputs(exit.text.c_str(), exit.code == 0 ? stdout : stderr);
    return exit.code;
  }
};

}  // namespace

int main(int argc, char** argv) {
  return std::visit(Run{}, vnic::app::parseCommandLine({argv + 1, argv + argc}));
}
