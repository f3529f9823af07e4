#include "cli/symbols.h"

#include <elf.h>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/profile.h"

namespace pingap::cli {
namespace {

std::string own_bytes() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return std::move(all).str();
}

// Where a function of this program lies in its file; it is loaded as its segments say.
uint64_t offset_of(const void* function) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    char* at = nullptr;
    const uint64_t begin = std::strtoull(line.c_str(), &at, 16);
    const uint64_t end = std::strtoull(at + 1, &at, 16);
    const auto address = reinterpret_cast<uint64_t>(function);
    if (address >= begin && address < end) {
      return address - begin + std::strtoull(at + 6, nullptr, 16);
    }
  }
  return 0;
}

TEST(Symbols, NamesAFunctionOfThisProgram) {
  const Symbols symbols("/proc/self/exe");
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&without_parameters));
  ASSERT_NE(offset, 0U);
  EXPECT_EQ(symbols.name_at(offset), "pingap::cli::without_parameters");
  EXPECT_EQ(symbols.name_at(offset + 1), "pingap::cli::without_parameters");
  EXPECT_EQ(symbols.name_at(uint64_t{1} << 60), "");
}

// Files are what they are: cut off and with any number in them.
TEST(Symbols, TakesAnyFile) {
  EXPECT_EQ(Symbols("/no/such/file").name_at(0), "");
  const std::string path = testing::TempDir() + "symbols_test.elf";
  const std::string whole = own_bytes().substr(0, 4096);
  for (size_t size = 0; size < 600; size += 7) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    Symbols(path).name_at(size);
  }
  for (size_t at = 0; at < sizeof(Elf64_Ehdr); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(0xff);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << broken;
    Symbols(path).name_at(64);
  }
}

TEST(Symbols, LeavesParametersOut) {
  const std::pair<const char*, const char*> cases[] = {
      {"main", "main"},
      {"a::b(int, char)", "a::b"},
      {"a::b<c(int)>::d(e<f>)", "a::b<c(int)>::d"},
      {"a::(anonymous namespace)::b(int)", "a::(anonymous namespace)::b"},
      {"a::operator()(int) const", "a::operator()"},
      {"a::b()::{lambda(int)#1}::operator()(int) const", "a::b"},
  };
  for (const auto& [from, to] : cases) {
    EXPECT_EQ(without_parameters(from), to);
  }
}

TEST(Fold, NamesAndAddsUpStacks) {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&without_parameters));
  std::ostringstream answer;
  answer << "pid 0\nlost 0\nmodule /proc/self/exe\nmodule /no/such/file\n" << std::hex;
  answer << "stack 3 worker-0;0:" << offset + 1 << ";1:10\n";
  answer << "stack 4 worker-0;0:" << offset + 2 << ";1:20\n";
  answer << "stack 5 worker-1;?;9:1;0:zz\nnonsense\nstack\n";
  EXPECT_EQ(fold(answer.str()),
            "worker-0;pingap::cli::without_parameters;[file] 7\n"
            "worker-1;[unknown];[unknown];[unknown] 5\n");
}

}  // namespace
}  // namespace pingap::cli
