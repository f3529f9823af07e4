#include "cli/demo_backend.h"

#include <csignal>
#include <cstring>

#include "base/log.h"
#include "demo/backends.h"

namespace pingap::cli {

ExitCode run_demo_backend(const Options& options) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  // Before the backend's thread exists, so that none of them ends the process on its own.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::vector<net::Address> addresses = net::resolve(options.listen);
  if (addresses.empty()) {
    PINGAP_LOG(error, "{} is not an address to listen on", options.listen);
    return ExitCode::cannot_bind;
  }
  const std::array<demo::Backend, 1> backends = {{{addresses.front(), options.name}}};
  demo::DemoBackends demo;
  if (auto started = demo.start(backends); !started) {
    PINGAP_LOG(error, "cannot listen on {}: {}", options.listen,
               std::strerror(started.error().sys));  // NOLINT(concurrency-mt-unsafe)
    return ExitCode::cannot_bind;
  }
  PINGAP_LOG(info, "demo backend {} listening on {}", options.name,
             demo.addresses().front().to_string());
  int signal = 0;
  sigwait(&signals, &signal);
  demo.stop();
  return ExitCode::ok;
}

}  // namespace pingap::cli
