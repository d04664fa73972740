// SPDX-License-Identifier: Apache-2.0
// Where the sources are that a test reads or runs: golden files, manifests, scripts.
#pragma once

#include <string>
#include <string_view>

namespace vnic::test {

// "crds" -> the absolute path of that folder. One object file knows where the tree is, so that all
// others compile to the same in every clone and ccache finds them.
std::string sourcePath(std::string_view relative);

}  // namespace vnic::test
