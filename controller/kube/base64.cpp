// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace vnic::kube {

std::optional<std::string> decodeBase64(const std::string& text) {
  std::string dense;
  std::copy_if(text.begin(), text.end(), std::back_inserter(dense),
               [](unsigned char c) { return std::isspace(c) == 0; });
  if (dense.empty() || dense.size() % 4 != 0) return std::nullopt;
  const std::size_t end = std::min(dense.find('='), dense.size());
  const std::size_t padding = dense.size() - end;
  if (padding > 2 || dense.find_first_not_of('=', end) != std::string::npos) return std::nullopt;
  std::string decoded(dense.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                     reinterpret_cast<const unsigned char*>(dense.data()),
                                     static_cast<int>(dense.size()));
  if (length < 0) return std::nullopt;
  // OpenSSL counts the padding as zero bytes.
  decoded.resize(static_cast<std::size_t>(length) - padding);
  return decoded;
}

}  // namespace vnic::kube
