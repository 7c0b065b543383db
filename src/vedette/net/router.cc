#include "vedette/net/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace vedette::net {
namespace {

size_t captures_in(std::string_view pattern) {
  return static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '{'));
}

bool takes_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

}  // namespace

bool match_pattern(std::string_view pattern, std::string_view path, std::map<std::string, std::string>& captures) {
  const size_t open = std::min(pattern.find('{'), pattern.size());
  if (path.substr(0, open) != pattern.substr(0, open)) return false;
  if (open == pattern.size()) return path.size() == open;
  const size_t close = pattern.find('}', open);
  VEDETTE_ASSERT(close != std::string_view::npos && close > open + 1);
  std::string_view name = pattern.substr(open + 1, close - open - 1);
  const bool any = name.ends_with('*');
  if (any) name.remove_suffix(1);
  const std::string_view rest = pattern.substr(close + 1), tail = path.substr(open);
  const size_t longest = any ? tail.size() : std::min(tail.find('/'), tail.size());
  for (size_t length = longest; length > 0; --length) {
    if (!match_pattern(rest, tail.substr(length), captures)) continue;
    captures[std::string(name)] = tail.substr(0, length);
    return true;
  }
  return false;
}

Routes& Routes::add(std::string method, std::string pattern, Role needed, Handler handler, std::string summary) {
  VEDETTE_ASSERT(pattern.starts_with('/') && captures_in(pattern) <= 3);
  for (const Route& route : routes_) VEDETTE_ASSERT(route.method != method || route.pattern != pattern);
  const size_t max_body_bytes = takes_body(method) ? kMaxBodyBytes : 0;
  routes_.push_back(
      {std::move(method), std::move(pattern), needed, std::move(summary), std::move(handler), max_body_bytes});
  return *this;
}

void Routes::merge(Routes other) {
  for (Route& route : other.routes_) {
    add(std::move(route.method), std::move(route.pattern), route.needed, std::move(route.handler),
        std::move(route.summary));
  }
  if (other.fallback_) fallback_ = std::move(other.fallback_);
}

const Routes::Route* Routes::find(Request& request, std::string& allow) const {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const Route* best = nullptr;
  std::map<std::string, std::string> captures;
  std::set<std::string> methods;
  for (const Route& route : routes_) {
    captures.clear();
    if (!match_pattern(route.pattern, request.path, captures)) continue;
    methods.insert(route.method);
    if (route.method == "GET") methods.insert("HEAD");
    if (route.method != method || (best && captures_in(best->pattern) <= captures_in(route.pattern))) continue;
    best = &route;
    request.captures = captures;
  }
  if (best || methods.empty()) return best;
  for (const std::string& one : methods) allow += (allow.empty() ? "" : ", ") + one;
  throw HttpError(405, ErrorCode::kUsage,
                  fmt::format("{} is not served at {}", request.method.substr(0, 16), request.path.substr(0, 256)),
                  "use " + allow);
}

void Routes::answer_fallback(const Request& request, Response& response) const {
  if (request.reads_only() && fallback_ && fallback_(request, response)) return;
  throw Error(ErrorCode::kNotFound, fmt::format("nothing is served at {}", request.path.substr(0, 256)),
              "/api/openapi.json lists what is");
}

}  // namespace vedette::net
