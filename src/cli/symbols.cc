#include "cli/symbols.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <elf.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string_view>

namespace pingap::cli {
namespace {

template <class T>
T read_as(const char* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return without_parameters(text != nullptr ? text.get() : name);
}

}  // namespace

std::string without_parameters(std::string name) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)";
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const std::string_view rest = std::string_view(name).substr(i);
    if (rest.starts_with(kAnonymous)) {
      i += kAnonymous.size() - 1;
    } else if (rest.starts_with("operator()")) {
      i += std::string_view("operator()").size() - 1;
    } else if (rest.starts_with('<')) {
      ++depth;
    } else if (rest.starts_with('>')) {
      --depth;
    } else if (rest.starts_with('(') && depth <= 0 && i > 0) {
      name.resize(i);
    }
  }
  return name;
}

Symbols::Symbols(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  file_ = std::move(all).str();
  const char* const head = bytes(0, sizeof(Elf64_Ehdr));
  if (head == nullptr || std::memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64) {
    return;
  }
  read_segments();
  read_table(SHT_SYMTAB);
  if (functions_.empty()) {
    read_table(SHT_DYNSYM);
  }
  std::ranges::sort(functions_, {}, &Function::address);
}

const char* Symbols::bytes(uint64_t offset, uint64_t size) const noexcept {
  return offset <= file_.size() && size <= file_.size() - offset ? file_.data() + offset : nullptr;
}

void Symbols::read_segments() {
  const auto head = read_as<Elf64_Ehdr>(file_.data());
  const uint64_t count = head.e_phnum;
  const char* const table = bytes(head.e_phoff, count * sizeof(Elf64_Phdr));
  for (uint64_t i = 0; table != nullptr && i < count; ++i) {
    const auto one = read_as<Elf64_Phdr>(table + i * sizeof(Elf64_Phdr));
    if (one.p_type == PT_LOAD) {
      segments_.push_back({one.p_offset, one.p_filesz, one.p_vaddr});
    }
  }
}

void Symbols::read_table(uint32_t kind) {
  const auto head = read_as<Elf64_Ehdr>(file_.data());
  const uint64_t count = head.e_shnum;
  const char* const table = bytes(head.e_shoff, count * sizeof(Elf64_Shdr));
  for (uint64_t i = 0; table != nullptr && i < count; ++i) {
    const auto section = read_as<Elf64_Shdr>(table + i * sizeof(Elf64_Shdr));
    if (section.sh_type != kind || section.sh_link >= count) {
      continue;
    }
    const auto texts = read_as<Elf64_Shdr>(table + section.sh_link * sizeof(Elf64_Shdr));
    const char* const symbols = bytes(section.sh_offset, section.sh_size);
    const char* const names = bytes(texts.sh_offset, texts.sh_size);
    // Each name ends with a zero, or the last one does.
    if (symbols == nullptr || names == nullptr || texts.sh_size == 0 ||
        names[texts.sh_size - 1] != '\0') {
      continue;
    }
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = read_as<Elf64_Sym>(symbols + at);
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value != 0 &&
          symbol.st_name < texts.sh_size) {
        functions_.push_back({symbol.st_value, symbol.st_size, names + symbol.st_name});
      }
    }
  }
}

std::string Symbols::name_at(uint64_t offset) const {
  const auto in = std::ranges::find_if(segments_, [offset](const Segment& one) {
    return offset >= one.offset && offset - one.offset < one.size;
  });
  if (in == segments_.end()) {
    return {};
  }
  const uint64_t address = offset - in->offset + in->address;
  const auto after = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (after == functions_.begin()) {
    return {};
  }
  const Function& function = *std::prev(after);
  const bool inside = function.size == 0 || address - function.address < function.size;
  return inside ? demangled(function.name) : std::string();
}

}  // namespace pingap::cli
