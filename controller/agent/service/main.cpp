// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "agent/service/options.h"
#include "agent/service/service.h"

int main(int argc, char** argv) {
  const auto command = vnic::agent::parseCommandLine({argv + 1, argv + argc});
  if (const auto* exit = std::get_if<vnic::agent::Exit>(&command)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  return vnic::agent::run(std::get<vnic::agent::Options>(command));
}
