// SPDX-License-Identifier: Apache-2.0
// Drives a fuzz target without libFuzzer: `fuzz_NAME SECONDS [--seed N] SEEDS...` runs every seed
// file, then mutations of them until the time is over. The same seed makes the same inputs. An
// input that ends the process is kept in a file of the working folder that stderr names; given as
// the only seed, with 0 seconds, it does so again.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"

namespace {

constexpr std::size_t kMaxInput = 64 << 10;
constexpr char kFinding[] = "fuzz-finding";

std::string current;  // the input that is being tried, for the signal handler

void keepFinding(int number) {
  const int file = open(kFinding, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const bool kept = file >= 0 && write(file, current.data(), current.size()) >= 0;
  const char* said = kept ? "\nthe input is in the file fuzz-finding\n" : "\nthe input is lost\n";
  (void)!write(STDERR_FILENO, said, std::strlen(said));
  signal(number, SIG_DFL);
  raise(number);
}

// Pieces that mean something to at least one of the readers.
const std::vector<std::string> kTokens{"<",
                                       ">",
                                       "/>",
                                       "</",
                                       "<!--",
                                       "-->",
                                       "<![CDATA[",
                                       "]]>",
                                       "&amp;",
                                       "&#x0;",
                                       "&#xd800;",
                                       "'",
                                       "\"",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       ":",
                                       ",",
                                       "null",
                                       "true",
                                       "-1",
                                       "9223372036854775808",
                                       "1e999",
                                       "\\u0000",
                                       "\\ud800",
                                       std::string(1, '\0'),
                                       "\xff",
                                       "\xc0\x80",
                                       "\xef\xbb\xbf",
                                       "\n",
                                       "\t",
                                       "- ",
                                       "? ",
                                       "&a ",
                                       "*a",
                                       "!!binary ",
                                       "|\n",
                                       "%YAML 9.9\n",
                                       "---\n",
                                       "...\n",
                                       "<<: "};

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint64_t seed)
      : seeds_(seeds), random_(seed) {}

  std::string next() {
    std::string input = any(seeds_);
    const std::size_t changes = 1 + below(8);
    for (std::size_t i = 0; i < changes; ++i) change(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    return input;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  const std::string& any(const std::vector<std::string>& choices) {
    return choices[below(choices.size())];
  }

  void change(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(input.size() - at, 64) + 1);
    switch (below(7)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(random_());
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, any(kTokens));
        break;
      case 3:
        input.insert(at, input.substr(at, length));
        break;
      case 4:
        input.resize(at);
        break;
      case 5: {  // nesting, and lengths, without end
        const std::string piece = length > 0 ? input.substr(at, length) : any(kTokens);
        std::string many;
        for (std::size_t n = below(2000); n > 0 && many.size() < kMaxInput; --n) many += piece;
        input.insert(at, many);
        break;
      }
      default: {  // a piece of another seed
        const std::string& other = any(seeds_);
        const std::size_t from = below(other.size() + 1);
        input.replace(at, length, other.substr(from, below(other.size() - from + 1)));
      }
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

void run(const std::string& input) {
  current = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

void read(const std::filesystem::path& file, std::vector<std::string>& seeds) {
  std::ifstream in(file, std::ios::binary);
  seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

std::vector<std::string> readSeeds(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());  // the same order everywhere
  std::vector<std::string> seeds;
  for (const auto& file : files) read(file, seeds);
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::uint64_t seed = std::random_device{}();
  if (arguments.size() > 2 && arguments[1] == "--seed") {
    seed = std::stoull(arguments[2]);
    arguments.erase(arguments.begin() + 1, arguments.begin() + 3);
  }
  if (arguments.size() < 2) {
    std::cerr << "usage: " << argv[0] << " SECONDS [--seed N] SEEDS...\n";
    return 2;
  }
  const std::chrono::seconds patience(std::stoll(arguments[0]));
  const auto seeds = readSeeds({arguments.begin() + 1, arguments.end()});
  if (seeds.empty()) {
    std::cerr << "there are no seeds\n";
    return 2;
  }
  for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) signal(number, keepFinding);
  std::cerr << seeds.size() << " seeds; mutations with --seed " << seed << '\n';
  for (const std::string& input : seeds) run(input);
  Mutator mutator(seeds, seed);
  std::size_t inputs = 0;
  for (const auto end = std::chrono::steady_clock::now() + patience;
       std::chrono::steady_clock::now() < end; ++inputs) {
    run(mutator.next());
  }
  std::cerr << inputs << " mutations\n";
}
