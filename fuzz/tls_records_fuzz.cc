// Records of TLS 1.3 from a client that has the keys and makes what it likes of them: whatever
// comes, data is what was sealed as data, in order, until the first record that there may not be.
#include <algorithm>
#include <string>
#include <vector>

#include "input.h"
#include "tls/test_records.h"

namespace pingap::fuzz {
namespace {

using tls::RecordLayer;
using tls::RecordPeer;

class Connection {
 public:
  explicit Connection(Input& input)
      : input_(input), peer_(static_cast<uint16_t>(0x1301 + input.choose(3))) {}

  // False behind a record that ends it.
  bool take(std::string_view content) {
    const char type = next_type();
    const bool asks = input_.choose(2) == 0;
    const bool update = type == RecordPeer::kHandshake && input_.choose(2) == 0;
    const std::string inner = update ? RecordPeer::key_update(asks) : std::string(content);
    std::string record = peer_.record(type, inner, input_.choose(8) == 0 ? 100 : 0);
    const bool spoiled = input_.choose(32) == 0;
    if (spoiled) {
      char& byte = record[input_.choose(record.size())];
      byte = static_cast<char>(byte ^ static_cast<char>(1 << input_.choose(8)));
    } else if (update && !middle_) {
      peer_.use_new_keys();
    }
    middle_ = middle_ || type == RecordPeer::kHandshake;
    return judge(record, type, inner, spoiled, update);
  }

 private:
  char next_type() {
    const size_t choice = input_.choose(16);
    return choice == 0   ? static_cast<char>(1 + input_.choose(255))  // 0 would be padding
           : choice == 1 ? RecordPeer::kAlert
           : choice < 4  ? RecordPeer::kHandshake
                         : RecordPeer::kData;
  }

  bool judge(const std::string& record, char type, const std::string& inner, bool spoiled,
             bool update) {
    const std::vector<char> exact(record.begin(), record.end());
    const size_t size = RecordLayer::size_of(exact);
    require(spoiled || size == record.size(), "its size is told");
    if (size > record.size()) {
      return false;  // the rest never comes
    }
    std::vector<char> room(RecordLayer::room_for(size));
    const auto opened = layer_.open(std::span(exact).first(size), room.data());
    const bool good = opened.got == RecordLayer::Got::data;
    require(!good || !spoiled, "nothing passes that was changed");
    if (good && type == RecordPeer::kData) {
      require(std::string_view(room.data(), opened.bytes) == inner, "data is what was sealed");
    } else if (good) {
      require(opened.bytes == 0, "nothing else is data");
    }
    if (good && update) {
      middle_ = false;
    }
    answer(opened.got);
    return good;
  }

  // What the peer gets can be read by it.
  void answer(RecordLayer::Got got) {
    std::string record(RecordLayer::kSmallRecord, '\0');
    const bool due = layer_.update_due();
    char* const end = got != RecordLayer::Got::data ? layer_.seal_alert(record.data())
                      : due                         ? layer_.seal_update(record.data())
                                                    : layer_.seal_goodbye(record.data());
    record.resize(static_cast<size_t>(end - record.data()));
    require(record.empty() || !peer_.open(record).empty(), "the peer can open it");
    if (got == RecordLayer::Got::data && due) {
      peer_.expect_new_keys();
    }
  }

  Input& input_;
  RecordPeer peer_;
  RecordLayer layer_ = peer_.server();
  bool middle_ = false;  // of a message of the handshake
};

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::Input input(data, size);
  pingap::fuzz::Connection connection(input);
  std::string_view rest = input.bytes();
  while (!rest.empty() && connection.take(input.next_piece(rest))) {
  }
  return 0;
}
