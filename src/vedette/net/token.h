#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/net/principal.h"

namespace vedette::net {

/// What a token says. It is signed, not secret to who holds it: anyone may read it, nobody without the key can make
/// one.
struct Token {
  std::string id;      ///< for the revocation list
  std::string name;    ///< of whom it was made for, in logs
  Role role = Role::kViewer;
  std::string tenant;  ///< empty: all tenants
  Timestamp issued{};  ///< whole seconds
  Timestamp expires{};
};

/// Secrets of 32 bytes. The first signs; all verify, so that a key can be replaced while old tokens run out.
using TokenKeys = std::vector<std::string>;

/// Makes a key file that only its owner may read: one line "vdk_…". Throws Error when the file exists or cannot be
/// written.
void make_key_file(const std::string& path);
/// Reads a key file: one key a line, '#' begins a comment. Throws Error(kNotFound | kInvalidConfig), and
/// Error(kPermissionDenied) when other users may read it.
TokenKeys read_key_file(const std::string& path);

/// 16 random hexadecimal digits.
std::string random_token_id();

/// "vdt_" base64url(JSON) "." base64url(HMAC-SHA-256 of all before the dot). JSON: {"id","name","role","tenant",
/// "issued","expires"} with times in seconds since 1970. Throws Error(kUsage) for a token that verify_token would
/// refuse.
std::string sign_token(const Token& token, const TokenKeys& keys);
/// What a token says, without a check of its signature or its times. At most 4 KiB. Throws Error(kPermissionDenied).
Token read_token(std::string_view text);
/// The same with every check, the signature first and in constant time. `skew`: how far the clocks of signer and
/// verifier may differ. Throws Error(kPermissionDenied) in one line that does not repeat the token.
Token verify_token(std::string_view text, const TokenKeys& keys, Timestamp now,
                   std::chrono::seconds skew = std::chrono::seconds(60));

/// "2026-01-31T12:00:00Z".
std::string to_seconds_text(Timestamp time);

}  // namespace vedette::net
