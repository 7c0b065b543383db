#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/net/principal.h"

namespace vedette::net {

/// An Error that HTTP has a status of its own for: 401, 405, 411, 413, …
class HttpError : public Error {
 public:
  HttpError(int status, ErrorCode code, const std::string& what, std::string hint = {})
      : Error(code, what, std::move(hint)), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// Compares the names of headers, whose case does not matter.
struct CaseLess {
  bool operator()(std::string_view a, std::string_view b) const;
};

struct Request {
  std::string method;                                          ///< "GET", …
  std::string path;                                            ///< decoded, without the query
  std::multimap<std::string, std::string> query;               ///< decoded
  std::multimap<std::string, std::string, CaseLess> headers;
  std::string body;  ///< read only after the sender was found to be allowed
  std::map<std::string, std::string> captures;  ///< by the names in the route's pattern
  Principal principal;  ///< Role::kNone on public routes when no token came

  /// The first of that name; "" when there is none.
  const std::string& header(std::string_view name) const;
  size_t header_count(std::string_view name) const;
  /// What the route's {name} matched; never empty.
  const std::string& capture(const std::string& name) const;
  bool reads_only() const { return method == "GET" || method == "HEAD"; }
};

/// Where a long answer goes.
class Sink {
 public:
  virtual ~Sink() = default;
  /// False when the client has gone or takes nothing in.
  virtual bool write(std::string_view bytes) = 0;
  /// Whether the client is still there.
  virtual bool is_open() const = 0;
  /// The answer ends here in good order; a client cannot take it for one that broke off.
  virtual void end() {}
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type;
  std::string body;
  /// When set, the body is what this writes (chunked). Called again and again until it returns false; it may wait, but
  /// not for longer than a second at a time, and not beyond a stop of its owner. Destroyed when the answer has ended.
  std::function<bool(Sink&)> stream;

  void set_header(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
  void set_content(std::string bytes, std::string type);
};

/// {"error":{"code":…,"message":…,"hint":…}} with the code's HTTP status (or the HttpError's own). Exhausted is 503.
void answer_error(Response& response, const Error& error);
/// JSON text that is not to be kept.
void answer_json(Response& response, std::string text, int status = 200);

/// The query of a request. A parameter that `known` does not name, a value out of range, or one given twice throws
/// Error(kUsage).
class Parameters {
 public:
  Parameters(const Request& request, std::vector<std::string> known);
  bool has(const std::string& name) const { return request_.query.contains(name); }
  int64_t whole(const std::string& name, int64_t fallback, int64_t least, int64_t most) const;
  double number(const std::string& name, double fallback, double least, double most) const;
  bool flag(const std::string& name, bool fallback) const;
  std::string text(const std::string& name, const std::string& fallback) const;
  /// Comma-separated and repeated values, in order.
  std::vector<std::string> list(const std::string& name) const;

 private:
  const std::string& single(const std::string& name) const;
  const Request& request_;
};

}  // namespace vedette::net
