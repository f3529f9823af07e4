#include "proxy/certificate_watch.h"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "proxy/test_snapshot.h"
#include "tls/test_certificates.h"

namespace pingap::proxy {
namespace {

class CertificateWatchTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write_pair() {
    const tls::TestPair pair = tls::make_pair("DNS:a.test");
    std::ofstream(cert_) << pair.cert;
    std::ofstream(key_) << pair.key;
    ::chmod(key_.c_str(), 0600);
  }

  std::string folder_ = ::testing::TempDir() + "watch-" + std::to_string(::getpid());
  bool made_ = std::filesystem::create_directory(folder_);
  std::string cert_ = folder_ + "/cert.pem";
  std::string key_ = folder_ + "/key.pem";
};

// A start may take its time: names are looked up between.
TEST_F(CertificateWatchTest, SeesWhatHasChangedSinceTheFilesWereRead) {
  write_pair();
  config::Model model;
  const auto snapshot = test_snapshot(
      "addr = '127.0.0.1:0'\ntls_cert = '" + cert_ + "'\ntls_key = '" + key_ + "'\n", "", &model);
  const auto before = snapshot->sites.front()->tls->get();
  write_pair();
  const auto loop = *net::EventLoop::create();
  CertificateWatch watch(*loop, model, *snapshot);
  watch.look();
  EXPECT_EQ(snapshot->sites.front()->tls->get(), before);  // they may still be written
  watch.look();
  const auto after = snapshot->sites.front()->tls->get();
  EXPECT_NE(after, before);
  watch.look();
  watch.look();
  EXPECT_EQ(snapshot->sites.front()->tls->get(), after);
}

}  // namespace
}  // namespace pingap::proxy
