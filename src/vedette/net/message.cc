#include "vedette/net/message.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "vedette/base/nearest.h"

namespace vedette::net {
namespace {

constexpr size_t kLongestList = 256;
const std::string kNothing;

}  // namespace

bool CaseLess::operator()(std::string_view a, std::string_view b) const {
  const size_t common = std::min(a.size(), b.size());
  const int order = ::strncasecmp(a.data(), b.data(), common);  // NOLINT(bugprone-suspicious-stringview-data-usage)
  return order != 0 ? order < 0 : a.size() < b.size();
}

const std::string& Request::header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? kNothing : found->second;
}

size_t Request::header_count(std::string_view name) const { return headers.count(std::string(name)); }

const std::string& Request::capture(const std::string& name) const {
  const auto found = captures.find(name);
  VEDETTE_ASSERT(found != captures.end());
  return found->second;
}

void Response::set_content(std::string bytes, std::string type) {
  body = std::move(bytes);
  content_type = std::move(type);
}

void answer_error(Response& response, const Error& error) {
  const nlohmann::json body = {
      {"error", {{"code", to_string(error.code())}, {"message", error.what()}, {"hint", error.hint()}}}};
  answer_json(response, body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n");
  const auto* http = dynamic_cast<const HttpError*>(&error);
  response.status = http ? http->status() : error.code() == ErrorCode::kExhausted ? 503 : http_status(error.code());
}

void answer_json(Response& response, std::string text, int status) {
  response.status = status;
  response.stream = nullptr;
  response.set_content(std::move(text), "application/json");
  response.set_header("Cache-Control", "no-store");
}

Parameters::Parameters(const Request& request, std::vector<std::string> known) : request_(request) {
  for (const auto& [name, value] : request.query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string hint = known.empty() ? std::string("it takes none") : did_you_mean(name, known);
    throw Error(ErrorCode::kUsage, fmt::format("{} has no parameter '{}'", request.path, name.substr(0, 64)), hint);
  }
}

const std::string& Parameters::single(const std::string& name) const {
  if (request_.query.count(name) > 1) {
    throw Error(ErrorCode::kUsage, fmt::format("parameter '{}' is given more than once", name));
  }
  return request_.query.find(name)->second;
}

int64_t Parameters::whole(const std::string& name, int64_t fallback, int64_t least, int64_t most) const {
  if (!has(name)) return fallback;
  const std::string& text = single(name);
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
  const std::string& text = single(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
    throw Error(ErrorCode::kUsage, fmt::format("parameter '{}' is '{}'", name, text.substr(0, 64)),
                fmt::format("a number from {} to {}", least, most));
  }
  return value;
}

bool Parameters::flag(const std::string& name, bool fallback) const { return whole(name, fallback ? 1 : 0, 0, 1) == 1; }

std::string Parameters::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? single(name) : fallback;
}

std::vector<std::string> Parameters::list(const std::string& name) const {
  std::vector<std::string> result;
  const auto [first, last] = request_.query.equal_range(name);
  for (auto one = first; one != last; ++one) {
    const std::string& text = one->second;
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

}  // namespace vedette::net
