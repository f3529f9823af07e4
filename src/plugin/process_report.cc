#include "plugin/process_report.h"

#include <atomic>

namespace pingap::plugin {
namespace {

std::atomic<ProcessReporter*> the_reporter{nullptr};

}  // namespace

void set_process_reporter(ProcessReporter* reporter) noexcept {
  the_reporter.store(reporter, std::memory_order_release);
}

ProcessReporter* process_reporter() noexcept {
  return the_reporter.load(std::memory_order_acquire);
}

}  // namespace pingap::plugin
