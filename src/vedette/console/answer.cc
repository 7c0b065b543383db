#include "vedette/console/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "vedette/base/nearest.h"

namespace vedette::console {
namespace {

constexpr size_t kLongestList = 256;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// "localhost:8080" → "localhost", "[::1]:80" → "[::1]".
std::string host_name(const std::string& host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) return host;
  return host.substr(0, colon);
}

bool is_loopback_name(const std::string& name) {
  if (name == "localhost" || name == "[::1]") return true;
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

void answer_error(httplib::Response& response, int status, std::string_view code, std::string_view message,
                  std::string_view hint) {
  const nlohmann::json body = {{"error", {{"code", code}, {"message", message}, {"hint", hint}}}};
  response.status = status;
  response.set_content(body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n", "application/json");
  response.set_header("Cache-Control", "no-store");
}

void answer_error(httplib::Response& response, const Error& error) {
  answer_error(response, error.code() == ErrorCode::kExhausted ? 503 : http_status(error.code()),
               to_string(error.code()), error.what(), error.hint());
}

void answer_json(httplib::Response& response, const std::string& text) {
  response.set_content(text, "application/json");
  response.set_header("Cache-Control", "no-store");
}

void check_origin(const httplib::Request& request) {
  const std::string host = lower(request.get_header_value("Host"));
  if (request.get_header_value_count("Host") != 1 || !is_loopback_name(host_name(host))) {
    throw Error(ErrorCode::kPermissionDenied, "the console answers to loopback names only",
                "open it as http://localhost:PORT");
  }
  const std::string origin = lower(request.get_header_value("Origin"));
  const bool foreign_origin = !origin.empty() && origin != "http://" + host;
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  const bool foreign_fetch =
      (site == "cross-site" || site == "same-site") && request.get_header_value("Sec-Fetch-Mode") != "navigate";
  if (foreign_origin || foreign_fetch) {
    throw Error(ErrorCode::kPermissionDenied, "pages of another site may not use the console");
  }
}

void set_security_headers(httplib::Response& response) {
  response.set_header(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
      "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("X-Frame-Options", "DENY");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Opener-Policy", "same-origin");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
  response.set_header("Permissions-Policy", "camera=(), microphone=(), geolocation=()");
}

Parameters::Parameters(const httplib::Request& request, std::vector<std::string> known) : request_(request) {
  for (const auto& [name, value] : request.params) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string hint = known.empty() ? std::string("it takes none") : did_you_mean(name, known);
    throw Error(ErrorCode::kUsage, fmt::format("{} has no parameter '{}'", request.path, name.substr(0, 64)), hint);
  }
}

std::string Parameters::single(const std::string& name) const {
  if (request_.get_param_value_count(name) > 1) {
    throw Error(ErrorCode::kUsage, fmt::format("parameter '{}' is given more than once", name));
  }
  return request_.get_param_value(name);
}

int64_t Parameters::whole(const std::string& name, int64_t fallback, int64_t least, int64_t most) const {
  if (!has(name)) return fallback;
  const std::string text = single(name);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw Error(ErrorCode::kUsage, fmt::format("parameter '{}' is '{}'", name, text.substr(0, 64)),
                fmt::format("a whole number from {} to {}", least, most));
  }
  return value;
}

double Parameters::number(const std::string& name, double fallback, double least, double most) const {
  if (!has(name)) return fallback;
  const std::string text = single(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
    throw Error(ErrorCode::kUsage, fmt::format("parameter '{}' is '{}'", name, text.substr(0, 64)),
                fmt::format("a number from {} to {}", least, most));
  }
  return value;
}

bool Parameters::flag(const std::string& name, bool fallback) const { return whole(name, fallback ? 1 : 0, 0, 1) == 1; }

std::vector<std::string> Parameters::list(const std::string& name) const {
  std::vector<std::string> result;
  for (size_t i = 0; i < request_.get_param_value_count(name); ++i) {
    const std::string text = request_.get_param_value(name, i);
    for (size_t at = 0; at <= text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      if (comma > at) result.push_back(text.substr(at, comma - at));
      at = comma + 1;
    }
  }
  if (result.size() > kLongestList) {
    throw Error(ErrorCode::kUsage, fmt::format("parameter '{}' names {} streams", name, result.size()),
                fmt::format("at most {}", kLongestList));
  }
  return result;
}

}  // namespace vedette::console
