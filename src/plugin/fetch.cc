#include "plugin/fetch.h"

namespace pingap::plugin {
namespace {

Fetcher* the_fetcher = nullptr;  // control thread

}  // namespace

void set_fetcher(Fetcher* fetcher) noexcept {
  the_fetcher = fetcher;
}

Fetcher* fetcher() noexcept {
  return the_fetcher;
}

}  // namespace pingap::plugin
