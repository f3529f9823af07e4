// A plugin as others compile it, in several kinds: what shared_object_test.cc loads.
#include <pingap_plugin.h>

namespace {

[[maybe_unused]] int made = 0;

[[maybe_unused]] void* create(const pingap_host* /*host*/, const pingap_option* /*options*/,
                              size_t /*count*/, char* /*why*/, size_t /*room*/) {
  ++made;
  return &made;
}

[[maybe_unused]] void destroy(void* /*plugin*/) {
  --made;
}

}  // namespace

#if !defined(NO_TABLE)
// NOLINTNEXTLINE(readability-identifier-naming): the name that the loader looks for
extern "C" __attribute__((visibility("default"))) const pingap_plugin pingap_plugin_export = {
#if defined(OTHER_MAGIC)
    .magic = 1,
#else
    .magic = PINGAP_PLUGIN_MAGIC,
#endif
#if defined(OTHER_VERSION)
    .abi = PINGAP_PLUGIN_ABI + 1,
#else
    .abi = PINGAP_PLUGIN_ABI,
#endif
#if defined(SHORT_TABLE)
    .size = 16,
#else
    .size = sizeof(pingap_plugin),
#endif
    .reserved = 0,
    .name = "test",
    .create = create,
#if defined(NO_END)
    .destroy = nullptr,
#else
    .destroy = destroy,
#endif
    .on_request = nullptr,
    .on_response = nullptr,
    .on_request_body = nullptr,
    .on_response_body = nullptr,
    .on_log = nullptr,
};
#endif
