// HPACK against nghttp2: whatever blocks come on a connection, both find the same fields in them or
// both refuse them; and what we write of those fields both read.
#include <string>

#include "http/hpack/encoder.h"
#include "http/hpack/field_rules.h"
#include "http/hpack/test_hpack.h"
#include "input.h"

namespace pingap::fuzz {
namespace {

using http::hpack::Decoder;
using http::hpack::Encoder;
using http::hpack::Fields;

// nghttp2 has a limit of its own for names and values, which is beyond this.
constexpr size_t kLongest = 32 * 1024;

class Connection {
 public:
  explicit Connection(Input& input) : input_(input) {}

  // False behind a block that is none.
  bool take(std::string_view block) {
    const Exact exact(block);
    http::hpack::Keeper keeper;
    const bool good = decoder_.decode(exact.view(), keeper.take()) == Decoder::Outcome::done;
    Fields fields;
    require(inflater_.read(exact.view(), fields) == good, "both take it, or neither");
    require(!good || fields == keeper.fields, "of the same fields");
    require(decoder_.table().size() <= kTable, "the table is bounded");
    if (good) {
      write(fields);
    }
    return good;
  }

 private:
  static constexpr size_t kTable = 4096;

  void write(Fields fields) {
    size_t room = Encoder::kBeginRoom;
    for (auto& [name, value] : fields) {
      name = http::hpack::is_field_name(name) ? name : "x";
      room += Encoder::room_for(name, value);
    }
    if (input_.choose(8) == 0) {
      const size_t size = input_.choose(2 * kTable);
      encoder_.set_limit(size);
      reader_.resize(size);
    }
    std::string out(room, '\0');
    char* to = encoder_.begin(out.data());
    for (const auto& [name, value] : fields) {
      to = encoder_.write(to, http::hpack::identify(name), value);
    }
    require(to <= out.data() + out.size(), "there is room for it");
    Fields read;
    require(reader_.read({out.data(), static_cast<size_t>(to - out.data())}, read),
            "what we write is a header block");
    require(read == fields, "of these fields");
  }

  Input& input_;
  Decoder decoder_{kTable};
  http::hpack::Inflater inflater_;
  Encoder encoder_{kTable};
  http::hpack::Inflater reader_;
};

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::Input input(data, std::min(size, pingap::fuzz::kLongest));
  pingap::fuzz::Connection connection(input);
  std::string_view rest = input.bytes();
  while (!rest.empty() && connection.take(input.next_piece(rest))) {
  }
  return 0;
}
