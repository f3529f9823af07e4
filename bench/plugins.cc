// What single decisions of plugins cost: an address among 100,000 networks, a rate limit with a
// million keys, a signature of ES256 beside OpenSSL's own check of it, 100 KiB of text encoded.
//
//   cmake --build build/release --target plugin_bench && build/release/plugin_bench docs/*.md
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <unistd.h>
#include <vector>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/hash.h"
#include "plugin/auth/jwt_algorithm.h"
#include "plugin/content/coding.h"
#include "plugin/security/ip_set.h"
#include "plugin/traffic/rate_table.h"
#include "tls/openssl.h"

namespace {

using namespace pingap;

// Of this thread, not of others that use the machine, too.
double cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// The least of five rounds.
template <class Work>
double nanoseconds(uint64_t count, const Work& work) {
  double best = 1e18;
  for (int round = 0; round < 5; ++round) {
    const double from = cpu_time();
    for (uint64_t i = 0; i < count; ++i) {
      work(i);
    }
    best = std::min(best, (cpu_time() - from) / static_cast<double>(count));
  }
  return best;
}

size_t resident() {
  std::ifstream file("/proc/self/statm");
  size_t size = 0;
  size_t pages = 0;
  file >> size >> pages;
  return pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

IpAddress address(uint64_t number, uint8_t size) {
  IpAddress made;
  made.size = size;
  for (size_t i = 0; i < size; ++i) {
    made.bytes[i] = static_cast<uint8_t>(mix64(number * 31 + i / 8) >> (i % 8 * 8));
  }
  return made;
}

void measure_addresses() {
  constexpr uint64_t kNetworks = 100'000;
  plugin::IpSet set;
  for (uint64_t i = 0; i < kNetworks; ++i) {
    const bool v4 = i % 2 == 0;
    set.add({address(i, v4 ? 4 : 16), static_cast<uint8_t>(v4 ? 28 : 56)});
  }
  set.finish();
  std::vector<IpAddress> asked;
  for (uint64_t i = 0; i < (1 << 16); ++i) {
    asked.push_back(address(i * 7 + 3, i % 2 == 0 ? 4 : 16));
  }
  uint64_t found = 0;
  const double took = nanoseconds(
      2'000'000, [&](uint64_t i) { found += set.contains(asked[i % asked.size()]) ? 1U : 0U; });
  std::printf("an address among %lu networks: %.0f ns (%lu)\n", kNetworks, took, found % 10);
}

void measure_rates() {
  constexpr uint64_t kKeys = 1'000'000;
  const size_t before = resident();
  plugin::RateTable table(kKeys);
  const TimePoint now{std::chrono::hours(1)};
  const plugin::Pace pace{1'000'000'000, 10'000'000'000};
  uint64_t passed = 0;
  const double took = nanoseconds(kKeys, [&](uint64_t i) {
    // In no order, as clients come.
    char key[24];
    const int size = std::snprintf(key, sizeof key, "10.%lu", mix64(i) % kKeys);
    passed += table.ask(table.hash({key, static_cast<size_t>(size)}), pace, now).passes ? 1U : 0U;
  });
  char key[24];
  const double text = nanoseconds(kKeys, [&](uint64_t i) {
    passed += static_cast<uint64_t>(std::snprintf(key, sizeof key, "10.%lu", mix64(i) % kKeys));
  });
  std::printf("a rate among %lu keys: %.0f ns, %.1f MiB (%lu shared, %lu)\n", kKeys, took - text,
              static_cast<double>(resident() - before) / (1 << 20), table.crowded(), passed % 10);
}

void measure_signatures() {
  const tls::KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const std::string text(200, 'x');
  std::string der(256, '\0');
  size_t size = der.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(der.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  const auto* from = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(size));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
  ECDSA_SIG_free(parts);
  const tls::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  char* pem = nullptr;
  const long pem_size = BIO_get_mem_data(bio.get(), &pem);
  const auto ours = plugin::JwtKey::from_pem({pem, static_cast<size_t>(pem_size)});
  const auto* algorithm = plugin::find_jwt_algorithm("ES256");
  bool good = true;
  const double mine =
      nanoseconds(3000, [&](uint64_t) { good = ours->verify(*algorithm, text, raw) && good; });
  const double theirs = nanoseconds(3000, [&](uint64_t) {
    EVP_MD_CTX* check = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(check, nullptr, EVP_sha256(), nullptr, key.get());
    good =
        EVP_DigestVerify(check, reinterpret_cast<const unsigned char*>(der.data()), size,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1 &&
        good;
    EVP_MD_CTX_free(check);
  });
  std::printf("a signature of ES256: %.1f us, OpenSSL %.1f us (%s)\n", mine / 1000, theirs / 1000,
              good ? "good" : "BAD");
}

// The start of what is in these files, one behind the other.
std::string read_text(std::span<char* const> files, size_t size) {
  std::string text;
  for (const char* path : files) {
    std::ifstream file(path, std::ios::binary);
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  text.resize(std::min(text.size(), size));
  return text;
}

void measure_coding(plugin::Coding coding, int level, const std::string& text, uint64_t count) {
  size_t size = 0;
  const double took = nanoseconds(count, [&](uint64_t) {
    ByteQueue out;
    plugin::make_encoder(coding, level)->run(text, plugin::Flush::end, out);
    size = out.size();
  });
  std::printf("| %s | %d | %.2f ms | %.1f KiB |\n", plugin::name_of(coding).data(), level,
              took / 1e6, static_cast<double>(size) / 1024);
}

void measure_codings(const std::string& text) {
  for (const int level : {1, 4, 6, 9}) {
    measure_coding(plugin::Coding::gzip, level, text, 50);
  }
  for (const int level : {1, 4, 6}) {
    measure_coding(plugin::Coding::brotli, level, text, 50);
  }
  measure_coding(plugin::Coding::brotli, 11, text, 2);
  for (const int level : {1, 3, 6, 9}) {
    measure_coding(plugin::Coding::zstd, level, text, 50);
  }
  measure_coding(plugin::Coding::zstd, 19, text, 5);
}

}  // namespace

int main(int argc, char** argv) {
  measure_addresses();
  measure_rates();
  measure_signatures();
  if (argc > 1) {
    measure_codings(read_text({argv + 1, argv + argc}, 100 << 10));
  }
}
