#include "vedette/framelog/log_url.h"

#include <charconv>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"

namespace vedette::framelog {
namespace {

constexpr std::string_view kForms = "log://local/CAMERA, log:///FOLDER/CAMERA or log://HOST/CAMERA";

[[noreturn]] void refuse(std::string_view url, const std::string& what, const std::string& hint) {
  throw Error(ErrorCode::kUsage, "source '" + std::string(url) + "': " + what, hint);
}

std::string unescaped(std::string_view url, std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(text.data() + i + 1, text.data() + std::min(i + 3, text.size()), value, 16);
    if (error != std::errc{} || end != text.data() + i + 3) refuse(url, "'%' begins no escape", "write %25 for '%'");
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

double number(std::string_view url, std::string_view name, std::string_view text, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) || value > most)
    refuse(url, std::string(name) + "=" + std::string(text) + " is out of range", "");
  return value;
}

Duration span_of(std::string_view url, std::string_view name, std::string_view text) {
  if (text.ends_with("ms")) return from_milliseconds(number(url, name, text.substr(0, text.size() - 2), 3'600'000));
  if (text.ends_with('s')) return from_seconds(number(url, name, text.substr(0, text.size() - 1), 3600));
  refuse(url, std::string(name) + "=" + std::string(text) + " has no unit", "100ms or 0.1s");
}

void read_setting(LogUrl& parsed, std::string_view url, std::string_view name, const std::string& value) {
  if (name == "from") {
    parsed.from = parse_moment(value);
  } else if (name == "to") {
    parsed.to = parse_moment(value);
  } else if (name == "latency") {
    parsed.latency = span_of(url, name, value);
  } else if (name == "accuracy") {
    parsed.accuracy = number(url, name, value, 1);
  } else if (name == "key") {
    parsed.key_file = value;
  } else {
    const std::vector<std::string> known{"from", "to", "latency", "accuracy", "key"};
    refuse(url, "unknown setting '" + std::string(name) + "'", did_you_mean(name, known));
  }
}

void read_host(LogUrl& parsed, std::string_view url, std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.back() != ']') {
    const std::string_view port = host.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (error != std::errc{} || end != port.data() + port.size() || parsed.port < 1 || parsed.port > 65535)
      refuse(url, "'" + std::string(port) + "' is no port", std::string(kForms));
    host = host.substr(0, colon);
  }
  parsed.host = std::string(host);
}

}  // namespace

LogUrl parse_log_url(std::string_view url) {
  LogUrl parsed;
  std::string_view rest = url;
  if (!rest.starts_with("log://")) refuse(url, "no URL of a log", "expected " + std::string(kForms));
  rest.remove_prefix(6);
  const size_t question = std::min(rest.find('?'), rest.size());
  std::string_view settings = rest.substr(std::min(question + 1, rest.size()));
  rest = rest.substr(0, question);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos || slash + 1 == rest.size())
    refuse(url, "it names no camera", "expected " + std::string(kForms));
  parsed.camera = unescaped(url, rest.substr(slash + 1));
  const std::string_view before = rest.substr(0, slash);
  const bool folder = before.empty() || before.starts_with('/');
  if (folder) {
    parsed.folder = before.empty() ? "/" : unescaped(url, before);
    parsed.from = Oldest{};
  } else if (before.find('/') != std::string_view::npos) {
    refuse(url, "a camera's name has no '/'", "write %2F for '/' in a name; " + std::string(kForms));
  } else {
    read_host(parsed, url, before);
  }
  while (!settings.empty()) {
    const std::string_view one = settings.substr(0, settings.find('&'));
    settings.remove_prefix(std::min(one.size() + 1, settings.size()));
    const size_t equals = std::min(one.find('='), one.size());
    read_setting(parsed, url, one.substr(0, equals), unescaped(url, one.substr(std::min(equals + 1, one.size()))));
  }
  return parsed;
}

}  // namespace vedette::framelog
