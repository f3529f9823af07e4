// Both roles of the framer against nghttp2 at the other end: what one says the other hears, in
// pieces of any size.
#include <algorithm>
#include <deque>
#include <string>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "http/h2/test_framer.h"

namespace pingap::http::h2 {
namespace {

using Fields = TestFramer::Fields;

// The same numbers each time.
class Random {
 public:
  size_t below(size_t bound) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<size_t>(state_ >> 33) % bound;
  }

 private:
  uint64_t state_ = 1;
};

// nghttp2 as either end. It takes windows back by itself.
class Other {
 public:
  explicit Other(Role role) {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    if (role == Role::client) {
      nghttp2_session_client_new(&session, calls, this);
    } else {
      nghttp2_session_server_new(&session, calls, this);
    }
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(session, 0, nullptr, 0);
  }

  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

  ~Other() { nghttp2_session_del(session); }

  void hear(std::string_view bytes) {
    EXPECT_EQ(nghttp2_session_mem_recv(session, reinterpret_cast<const uint8_t*>(bytes.data()),
                                       bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  std::string say() {
    std::string all;
    const uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session, &bytes)) > 0;) {
      all.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
    return all;
  }

  static std::vector<nghttp2_nv> nv(const Fields& fields) {
    std::vector<nghttp2_nv> all;
    for (const auto& [name, value] : fields) {
      const auto bytes = [](const std::string& text) {
        return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));  // NOLINT: it copies
      };
      all.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return all;
  }

  nghttp2_data_provider body(std::string text) {
    nghttp2_data_provider source{};
    source.source.ptr = &bodies_.emplace_back(std::move(text));
    source.read_callback = read;
    return source;
  }

  nghttp2_session* session = nullptr;
  std::map<int32_t, TestFramer::Seen> seen;

 private:
  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                       const uint8_t* name, size_t name_size, const uint8_t* value,
                       size_t value_size, uint8_t /*flags*/, void* user) {
    TestFramer::Seen& one = static_cast<Other*>(user)->seen[frame->hd.stream_id];
    Fields& fields = one.whole || !one.body.empty() || one.malformed ? one.trailers : one.head;
    fields.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                        std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }

  static int on_data(nghttp2_session* /*session*/, uint8_t /*flags*/, int32_t id,
                     const uint8_t* bytes, size_t size, void* user) {
    static_cast<Other*>(user)->seen[id].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
      static_cast<Other*>(user)->seen[frame->hd.stream_id].whole = true;
    }
    return 0;
  }

  static int on_close(nghttp2_session* /*session*/, int32_t id, uint32_t code, void* user) {
    TestFramer::Seen& one = static_cast<Other*>(user)->seen[id];
    one.closed = true;
    one.code = static_cast<Code>(code);
    return 0;
  }

  static ssize_t read(nghttp2_session* /*session*/, int32_t /*id*/, uint8_t* to, size_t most,
                      uint32_t* flags, nghttp2_data_source* source, void* /*user*/) {
    auto& text = *static_cast<std::string*>(source->ptr);
    const size_t size = text.copy(reinterpret_cast<char*>(to), most);
    text.erase(0, size);
    *flags |= text.empty() ? static_cast<uint32_t>(NGHTTP2_DATA_FLAG_EOF) : 0U;
    return static_cast<ssize_t>(size);
  }

  std::deque<std::string> bodies_;
};

class Oracle : public testing::Test {
 protected:
  // Until neither has anything to say.
  void talk(TestFramer& ours, Other& other) {
    for (;;) {
      const std::string to_other = ours.take();
      const std::string to_us = other.say();
      if (to_other.empty() && to_us.empty()) {
        break;
      }
      other.hear(to_other);
      for (std::string_view rest = to_us; !rest.empty();) {
        const std::string_view piece = rest.substr(0, 1 + random.below(3000));
        const std::string copy(piece);
        ours.framer.receive(copy);
        rest.remove_prefix(piece.size());
      }
      ASSERT_EQ(ours.broken, ErrorCode::none);
    }
  }

  std::string text() {
    const size_t size = random.below(3) == 0 ? random.below(300'000) : random.below(3000);
    return std::string(size, static_cast<char>('a' + random.below(26)));
  }

  Fields some_fields() {
    Fields fields;
    for (size_t left = random.below(12); left > 0; --left) {
      const bool large = random.below(30) == 0;
      fields.emplace_back("x-" + std::to_string(random.below(20)),
                          std::string(random.below(large ? 8000 : 60), 'v'));
    }
    return fields;
  }

  static Fields with(Fields first, const Fields& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
  }

  const Fields request_{
      {":method", "POST"}, {":scheme", "http"}, {":path", "/x?y"}, {":authority", "a.test"}};
  Random random;
};

TEST_F(Oracle, ServerUnderstandsAndIsUnderstood) {
  TestFramer ours(Role::server, 100);
  ours.framer.start(Framer::Connect::plain);
  Other other(Role::client);
  talk(ours, other);
  for (int round = 0; round < 60; ++round) {
    std::map<int32_t, std::pair<Fields, std::string>> asked;
    for (size_t i = 0; i < 1 + random.below(20); ++i) {
      const Fields fields = with(request_, some_fields());
      const std::string body = text();
      const auto source = other.body(body);
      const auto nv = Other::nv(fields);
      asked[nghttp2_submit_request(other.session, nullptr, nv.data(), nv.size(), &source,
                                   nullptr)] = {fields, body};
    }
    talk(ours, other);
    std::map<int32_t, std::pair<Fields, std::string>> answered;
    for (const auto& [id, want] : asked) {
      ASSERT_EQ(ours.seen[id].head, want.first);
      ASSERT_EQ(ours.seen[id].body, want.second);
      ASSERT_TRUE(ours.seen[id].whole);
      answered[id] = {with({{":status", "200"}}, some_fields()), text()};
      ours.answer(id, answered[id].first, End::no);
      ours.body(id, answered[id].second, End::yes);
    }
    talk(ours, other);
    for (const auto& [id, want] : answered) {
      ASSERT_EQ(other.seen[id].head, want.first);
      ASSERT_EQ(other.seen[id].body, want.second);
      ASSERT_TRUE(other.seen[id].closed && ours.seen[id].closed);
    }
  }
  EXPECT_TRUE(ours.streams.empty());
}

TEST_F(Oracle, ClientUnderstandsAndIsUnderstood) {
  TestFramer ours(Role::client, 100);
  ours.framer.start(Framer::Connect::plain);
  Other other(Role::server);
  talk(ours, other);
  for (int round = 0; round < 60; ++round) {
    std::map<int32_t, std::pair<Fields, std::string>> asked;
    for (size_t i = 0; i < 1 + random.below(20); ++i) {
      const Fields fields = with(request_, some_fields());
      const int32_t id = ours.ask(fields, End::no);
      asked[id] = {fields, text()};
      ours.body(id, asked[id].second, End::yes);
    }
    talk(ours, other);
    std::map<int32_t, std::pair<Fields, std::string>> answered;
    for (const auto& [id, want] : asked) {
      ASSERT_EQ(other.seen[id].head, want.first);
      ASSERT_EQ(other.seen[id].body, want.second);
      ASSERT_TRUE(other.seen[id].whole);
      answered[id] = {with({{":status", "200"}}, some_fields()), text()};
      const auto source = other.body(answered[id].second);
      const auto nv = Other::nv(answered[id].first);
      nghttp2_submit_response(other.session, id, nv.data(), nv.size(), &source);
    }
    talk(ours, other);
    for (const auto& [id, want] : answered) {
      ASSERT_EQ(ours.seen[id].head, want.first);
      ASSERT_EQ(ours.seen[id].body, want.second);
      ASSERT_TRUE(other.seen[id].closed && ours.seen[id].closed);
    }
  }
  EXPECT_TRUE(ours.streams.empty());
}

TEST_F(Oracle, TrailersArrive) {
  TestFramer ours(Role::server, 100);
  ours.framer.start(Framer::Connect::plain);
  Other other(Role::client);
  const auto nv = Other::nv(request_);
  nghttp2_submit_request(other.session, nullptr, nv.data(), nv.size(), nullptr, nullptr);
  talk(ours, other);
  ours.answer(1, {{":status", "200"}}, End::no);
  ours.body(1, "body", End::no);
  Field storage[2];
  HeaderMap trailers{storage};
  trailers.add("Grpc-Status", "0");
  ours.framer.send_trailers(*ours.streams.at(1), trailers);
  talk(ours, other);
  EXPECT_EQ(other.seen[1].body, "body");
  EXPECT_EQ(other.seen[1].trailers, (Fields{{"grpc-status", "0"}}));
  EXPECT_TRUE(other.seen[1].closed);
}

TEST_F(Oracle, SettingsOfTheTableAreFollowed) {
  TestFramer ours(Role::client, 100);
  ours.framer.start(Framer::Connect::plain);
  Other other(Role::server);
  for (const uint32_t size : {4096U, 0U, 100U, 4096U, 60'000U}) {
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, size};
    nghttp2_submit_settings(other.session, 0, &entry, 1);
    talk(ours, other);
    for (int i = 0; i < 3; ++i) {
      const Fields fields = with(request_, {{"x-one", "first"}, {"x-two", "second"}});
      const int32_t id = ours.ask(fields, End::yes);
      talk(ours, other);
      ASSERT_EQ(other.seen[id].head, fields);
    }
  }
}

}  // namespace
}  // namespace pingap::http::h2
