// Where the bytes of one call of a Transport are: what is read is decrypted at once. Worker.
#pragma once

#include <array>
#include <cstddef>

#include "tls/record_layer.h"

namespace pingap::tls {

inline constexpr size_t kRecord = RecordLayer::kMaxPlain;
// What a record has beside its bytes, at most, of the ciphers we allow.
inline constexpr size_t kOverhead = 64;
// Ciphertext that may wait for the socket.
inline constexpr size_t kMaxMade = 64 * 1024;
// Of one read of the socket, behind a part of a record.
inline constexpr size_t kMaxRead = 64 * 1024;

inline thread_local std::array<char, kMaxRead + RecordLayer::kMaxRecord> t_input;

}  // namespace pingap::tls
