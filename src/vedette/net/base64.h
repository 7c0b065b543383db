#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vedette::net {

/// base64url without padding (RFC 4648 §5).
std::string to_base64url(std::string_view bytes);
/// Strict: no padding, no white space, and unused bits must be 0, so that every value has one spelling only.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace vedette::net
