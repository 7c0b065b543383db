#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vedette/net/message.h"

namespace vedette::net {

/// Which function answers which method and path, and what role it takes. Filled once, then only read.
class Routes {
 public:
  using Handler = std::function<void(const Request&, Response&)>;

  struct Route {
    std::string method;
    std::string pattern;
    Role needed = Role::kNone;
    std::string summary;   ///< one line, for the OpenAPI page; routes without are left out there
    Handler handler;
    size_t max_body_bytes = 0;
  };

  static constexpr size_t kMaxBodyBytes = 1u << 20;

  /// A pattern is a path in which "{name}" stands for one segment or a part of it and "{name*}" for any text, slashes
  /// too; neither matches nothing. "GET" answers HEAD as well. Two routes of one method and pattern are a programmer's
  /// mistake. POST, PUT, PATCH and DELETE take a body of up to kMaxBodyBytes.
  Routes& add(std::string method, std::string pattern, Role needed, Handler handler, std::string summary = {});
  /// Answers GET of every path that no pattern matches, for everybody; false: nothing is there.
  void set_fallback(std::function<bool(const Request&, Response&)> handler) { fallback_ = std::move(handler); }
  /// Takes over the routes of another part of the program.
  void merge(Routes other);

  /// The route of a request, whose `captures` are filled: of those that match the one with the fewest captures. Null
  /// when nothing matches. Throws HttpError(405) when the path is known but not with this method; `allow` then lists
  /// those.
  const Route* find(Request& request, std::string& allow) const;
  /// Calls the fallback; throws Error(kNotFound) when it has nothing there either.
  void answer_fallback(const Request& request, Response& response) const;

  const std::vector<Route>& all() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::function<bool(const Request&, Response&)> fallback_;
};

/// Whether `path` is of the pattern; fills `captures` if so.
bool match_pattern(std::string_view pattern, std::string_view path, std::map<std::string, std::string>& captures);

}  // namespace vedette::net
