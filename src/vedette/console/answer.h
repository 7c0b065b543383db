#pragma once

#include <httplib.h>

#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/error.h"

namespace vedette::console {

/// {"error":{"code":…,"message":…,"hint":…}} with the code's HTTP status.
void answer_error(httplib::Response& response, const Error& error);
/// The same with another status, such as 405.
void answer_error(httplib::Response& response, int status, std::string_view code, std::string_view message,
                  std::string_view hint);
void answer_json(httplib::Response& response, const std::string& text);

/// Throws Error(kPermissionDenied) unless the request's Host is a loopback name and neither Origin nor Sec-Fetch-Site
/// say that a page of another site sent it. A site that points its own name at 127.0.0.1 (DNS rebinding) fails the Host
/// check.
void check_origin(const httplib::Request& request);
/// What keeps a browser from doing more with an answer than the page needs.
void set_security_headers(httplib::Response& response);

/// The query of a request. A parameter that `known` does not name, a value out of range, or one given twice throws
/// Error(kUsage).
class Parameters {
 public:
  Parameters(const httplib::Request& request, std::vector<std::string> known);
  bool has(const std::string& name) const { return request_.has_param(name); }
  int64_t whole(const std::string& name, int64_t fallback, int64_t least, int64_t most) const;
  double number(const std::string& name, double fallback, double least, double most) const;
  bool flag(const std::string& name, bool fallback) const;
  /// Comma-separated and repeated values, in order.
  std::vector<std::string> list(const std::string& name) const;

 private:
  std::string single(const std::string& name) const;
  const httplib::Request& request_;
};

}  // namespace vedette::console
