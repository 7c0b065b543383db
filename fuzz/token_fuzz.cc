// Tokens: any text is refused with kPermissionDenied or says something that can be signed again.
#include <cstdlib>
#include <string_view>

#include "vedette/base/error.h"
#include "vedette/net/base64.h"
#include "vedette/net/token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vedette::net::TokenKeys keys{std::string(32, 'k')};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // As it came, and as the payload of a token whose spelling is right.
  for (const std::string& token : {std::string(text), "vdt_" + vedette::net::to_base64url(text) + ".AAAA"}) {
    try {
      vedette::net::verify_token(token, keys, vedette::Timestamp{});
      std::abort();  // nobody guesses a signature
    } catch (const vedette::Error& error) {
      if (error.code() != vedette::ErrorCode::kPermissionDenied) std::abort();
    }
    vedette::net::Token read;
    try {
      read = vedette::net::read_token(token);
    } catch (const vedette::Error& error) {
      if (error.code() != vedette::ErrorCode::kPermissionDenied) std::abort();
      continue;
    }
    const auto again = vedette::net::read_token(vedette::net::sign_token(read, keys));
    if (again.name != read.name || again.role != read.role || again.expires != read.expires) std::abort();
  }
  return 0;
}
