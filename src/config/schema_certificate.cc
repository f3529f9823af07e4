// [certificates.NAME]: a certificate that servers with global_certificates choose by name.
#include "config/schema.h"

namespace pingap::config {
namespace {

constexpr Key<CertificateEntry> kKeys[] = {
    {{"tls_cert", "", "path, PEM or base64", "required"},
     [](Reader& reader, const Field& field, CertificateEntry& out) {
       reader.pem(field, out.pair.cert);
     }},
    {{"tls_key", "", "path, PEM or base64", "required"},
     [](Reader& reader, const Field& field, CertificateEntry& out) {
       reader.pem(field, out.pair.key);
     }},
    {{"tls_key_password", "", "string", "\"\""},
     [](Reader& reader, const Field& field, CertificateEntry& out) {
       reader.secret(field, out.pair.password);
     }},
    {{"tls_key_readable", "", "boolean", "false"},
     [](Reader& reader, const Field& field, CertificateEntry& out) {
       reader.boolean(field, out.pair.key_readable);
     }},
    {{"domains", "", "list of names", "those in the certificate"},
     [](Reader& reader, const Field& field, CertificateEntry& out) {
       out.domains = reader.list(field, Commas::yes);
     }},
    {{"is_default", "", "boolean", "false"},
     [](Reader& reader, const Field& field, CertificateEntry& out) {
       reader.boolean(field, out.is_default);
     }},
};

constexpr Foreign kForeign[] = {
    {"is_ca", ""},
    {"acme", ""},
    {"buffer_days", ""},
    {"dns_challenge", ""},
    {"dns_provider", ""},
    {"dns_service_url", ""},
    {"remark", "write it as a comment"},
};

}  // namespace

const Schema<CertificateEntry> kCertificateSchema{kKeys, kForeign};

}  // namespace pingap::config
