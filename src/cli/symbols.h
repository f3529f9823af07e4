// Names of code in an ELF file, from its table of symbols. Main thread of a command.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pingap::cli {

class Symbols {
 public:
  // A file that cannot be read, or has none, has no names.
  explicit Symbols(const std::string& path);

  // Of the function that the byte at `offset` of the file belongs to, without its parameters;
  // empty where none is known.
  std::string name_at(uint64_t offset) const;

 private:
  struct Segment {
    uint64_t offset;
    uint64_t size;
    uint64_t address;
  };

  struct Function {
    uint64_t address;
    uint64_t size;  // 0 = up to the next
    const char* name;
  };

  void read_segments();
  void read_table(uint32_t kind);
  // The bytes of the file, if all of them are there; else null.
  const char* bytes(uint64_t offset, uint64_t size) const noexcept;

  std::string file_;
  std::vector<Segment> segments_;
  std::vector<Function> functions_;  // by address; names are in file_
};

// "a::b<c>::d(int, char)" as "a::b<c>::d".
std::string without_parameters(std::string name);

}  // namespace pingap::cli
