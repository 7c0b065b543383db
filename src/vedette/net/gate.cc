#include "vedette/net/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace vedette::net {
namespace {

constexpr std::string_view kCookie = "vedette_token";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// "localhost:8080" → "localhost", "[::1]:80" → "::1".
std::string host_name(const std::string& host) {
  if (host.starts_with('[')) {
    const size_t bracket = host.find(']');
    return bracket == std::string::npos ? host : host.substr(1, bracket - 1);
  }
  return host.substr(0, host.rfind(':'));
}

bool is_loopback_name(const std::string& name) {
  if (name == "localhost" || name == "::1") return true;
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
}

bool names(const std::string& pattern, const std::string& host) {
  if (lower(pattern) == host) return true;
  const size_t dot = host.find('.');
  return pattern.starts_with("*.") && dot != std::string::npos && dot > 0 &&
         lower(pattern.substr(1)) == host.substr(dot);
}

/// The token of "Authorization: Bearer …"; "" when there is none.
std::string bearer_token(const Request& request) {
  const std::string& value = request.header("Authorization");
  static constexpr std::string_view kScheme = "bearer ";
  if (value.size() < kScheme.size() || lower(value.substr(0, kScheme.size())) != kScheme) return "";
  return value.substr(std::min(value.find_first_not_of(' ', kScheme.size()), value.size()));
}

std::string cookie_token(const Request& request) {
  const auto [first, last] = request.headers.equal_range("Cookie");
  for (auto header = first; header != last; ++header) {
    const std::string& text = header->second;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(';', at), text.size());
      std::string_view pair(text.data() + at, end - at);
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      if (pair.starts_with(kCookie) && pair.substr(kCookie.size()).starts_with('=')) {
        return std::string(pair.substr(kCookie.size() + 1));
      }
      at = end + 1;
    }
  }
  return "";
}

}  // namespace

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

void Gate::check_host(const Request& request) const {
  const std::string host = lower(request.header("Host"));
  const std::string name = host_name(host);
  const bool known = is_loopback_name(name) || std::any_of(options_.names.begin(), options_.names.end(),
                                                           [&](const auto& one) { return names(one, name); });
  if (request.header_count("Host") != 1 || !known) {
    if (options_.names.empty()) {
      throw Error(ErrorCode::kPermissionDenied, "the console answers to loopback names only",
                  "open it as http://localhost:PORT");
    }
    throw Error(ErrorCode::kPermissionDenied, fmt::format("this server is not called '{}'", name.substr(0, 128)),
                fmt::format("use a name of its certificate: {}", fmt::join(options_.names, ", ")));
  }
  const std::string origin = lower(request.header("Origin"));
  const bool foreign_origin = !origin.empty() && origin != (options_.tls ? "https://" : "http://") + host;
  const std::string& site = request.header("Sec-Fetch-Site");
  const bool navigates = request.reads_only() && request.header("Sec-Fetch-Mode") == "navigate";
  if (foreign_origin || ((site == "cross-site" || site == "same-site") && !navigates)) {
    throw Error(ErrorCode::kPermissionDenied, "pages of another site may not use the console");
  }
}

void Gate::check_state_change(const Request& request, bool bearer) const {
  if (request.reads_only() || bearer || request.header("X-Vedette") == "1") return;
  for (const char* sign : {"Origin", "Sec-Fetch-Site", "Cookie"}) {
    if (request.header_count(sign) == 0) continue;
    throw Error(ErrorCode::kPermissionDenied, "a browser's request to change something needs the header X-Vedette: 1",
                "this keeps forms of other sites out");
  }
}

Principal Gate::admit(const Request& request, Role needed) const {
  check_host(request);
  const std::string bearer = bearer_token(request);
  check_state_change(request, !bearer.empty());
  if (!options_.authority) return {"local", Role::kAdmin, "", "", Timestamp::max()};
  const std::string token = bearer.empty() ? cookie_token(request) : bearer;
  if (token.empty()) {
    if (needed == Role::kNone) return {};
    throw HttpError(401, ErrorCode::kPermissionDenied, "a token is needed",
                    "log in, or send Authorization: Bearer; vedette token create makes one");
  }
  Principal principal;
  try {
    principal = options_.authority->verify(token);
  } catch (const Error& error) {
    if (needed == Role::kNone) return {};
    throw HttpError(401, error.code(), error.what(), error.hint());
  }
  if (!principal.may(needed)) {
    throw Error(ErrorCode::kPermissionDenied,
                fmt::format("{} needs the role {}, and token '{}' has {}", request.path.substr(0, 256),
                            to_string(needed), principal.name, to_string(principal.role)));
  }
  return principal;
}

std::string Gate::cookie(const std::string& token, Timestamp expires, Timestamp now) const {
  const auto left = std::chrono::floor<std::chrono::seconds>(expires - now).count();
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", kCookie, token,
                     token.empty() ? 0 : std::max<int64_t>(left, 0), options_.tls ? "; Secure" : "");
}

}  // namespace vedette::net
