// For tests: a client's end of a RecordLayer, which makes whatever records it is told to.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls/record_layer.h"

namespace pingap::tls {

class RecordPeer {
 public:
  static constexpr char kAlert = 21;
  static constexpr char kHandshake = 22;
  static constexpr char kData = 23;

  explicit RecordPeer(uint16_t suite) : suite_(find_suite(suite)) {}

  // What serves this peer; of records it has written some before.
  RecordLayer server(uint64_t written = 0) const { return {*suite_, ours_, theirs_, written}; }

  static std::string key_update(bool asks) {
    return {24, 0, 0, 1, static_cast<char>(asks ? 1 : 0)};
  }

  // The next record: content, type, and zeros behind it.
  std::string record(char type, std::string_view content, size_t zeros = 0) {
    std::string inner = std::string(content) + type + std::string(zeros, '\0');
    const size_t size = inner.size() + TrafficKeys::kTag;
    std::string out{kData, 3, 3, static_cast<char>(size >> 8), static_cast<char>(size)};
    EVP_CIPHER_CTX* context = write_.begin(bytes(out), out.size());
    out.resize(RecordLayer::kHeader + size);
    int made = 0;
    unsigned char* const to = bytes(out) + RecordLayer::kHeader;
    EVP_EncryptUpdate(context, to, &made, bytes(inner), static_cast<int>(inner.size()));
    EVP_EncryptFinal_ex(context, to + made, &made);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TrafficKeys::kTag, to + inner.size());
    return out;
  }

  // With new keys from the next record on.
  std::string update(bool asks) {
    std::string out = record(kHandshake, key_update(asks));
    use_new_keys();
    return out;
  }

  void use_new_keys() { write_.update(); }

  void expect_new_keys() { read_.update(); }

  // Content and type of a record of the server; "" where it is not one.
  std::string open(std::string record) {
    const size_t around = RecordLayer::kHeader + TrafficKeys::kTag;
    if (record.size() < around) {
      return {};
    }
    std::string inner(record.size() - around, '\0');
    EVP_CIPHER_CTX* context = read_.begin(bytes(record), RecordLayer::kHeader);
    int made = 0;
    EVP_DecryptUpdate(context, bytes(inner), &made, bytes(record) + RecordLayer::kHeader,
                      static_cast<int>(inner.size()));
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TrafficKeys::kTag,
                        record.data() + record.size() - TrafficKeys::kTag);
    return EVP_DecryptFinal_ex(context, bytes(inner) + made, &made) == 1 ? inner : "";
  }

 private:
  static unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }

  const Suite* suite_;
  TrafficSecret ours_ = *TrafficSecret::parse(std::string(64, 'a'));
  TrafficSecret theirs_ = *TrafficSecret::parse(std::string(64, 'b'));
  TrafficKeys write_{*suite_, ours_, Way::write};
  TrafficKeys read_{*suite_, theirs_, Way::read};
};

// The data of one record, "closed" or "failed". Its memory has not a byte more than it needs.
inline std::string opened(RecordLayer& layer, const std::string& record) {
  const std::vector<char> exact(record.begin(), record.end());
  std::vector<char> room(RecordLayer::room_for(record.size()));
  const RecordLayer::Opened got = layer.open(exact, room.data());
  switch (got.got) {
    case RecordLayer::Got::data:
      return {room.data(), got.bytes};
    case RecordLayer::Got::closed:
      return "closed";
    default:
      return "failed";
  }
}

inline std::string sealed(RecordLayer& layer, std::string content) {
  const iovec only{content.data(), content.size()};
  std::string record(content.size() + RecordLayer::kOverhead, '\0');
  char* const end = layer.seal({&only, 1}, record.data());
  return end == record.data() + record.size() ? record : "";
}

}  // namespace pingap::tls
