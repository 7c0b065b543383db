#include "vedette/live/text_form.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace vedette::live {
namespace {

/// Reads one code point and moves past it; U+FFFD and one byte further where the bytes are not UTF-8 (RFC 3629).
char32_t next_code_point(std::string_view text, size_t& at) {
  constexpr char32_t kReplacement = 0xFFFD;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  int more = 0;
  char32_t value = first, least = 0;
  if (first >= 0xF0 && first < 0xF8) {
    more = 3, value = first & 0x07u, least = 0x10000;
  } else if (first >= 0xE0 && first < 0xF0) {
    more = 2, value = first & 0x0Fu, least = 0x800;
  } else if (first >= 0xC0 && first < 0xE0) {
    more = 1, value = first & 0x1Fu, least = 0x80;
  } else if (first >= 0x80) {
    ++at;
    return kReplacement;
  }
  if (at + static_cast<size_t>(more) >= text.size()) {
    ++at;
    return kReplacement;
  }
  for (int i = 1; i <= more; ++i) {
    const unsigned char next = byte(at + static_cast<size_t>(i));
    if ((next & 0xC0u) != 0x80u) {
      ++at;
      return kReplacement;
    }
    value = (value << 6u) | (next & 0x3Fu);
  }
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    ++at;
    return kReplacement;
  }
  at += static_cast<size_t>(more) + 1;
  return value;
}

/// A number to a tenth, without a trailing ".0"; 0 for what JSON cannot hold.
void append_tenths(std::string& out, float value) {
  if (!std::isfinite(value) || std::abs(value) > 1e7f) value = 0;
  const long tenths = std::lround(value * 10);
  const long whole = std::labs(tenths) / 10, rest = std::labs(tenths) % 10;
  auto to = std::back_inserter(out);
  if (tenths < 0) out += '-';
  if (rest == 0) {
    fmt::format_to(to, "{}", whole);
  } else {
    fmt::format_to(to, "{}.{}", whole, rest);
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  auto to = std::back_inserter(out);
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c >= 0x20 && c < 0x7F) {
      out += static_cast<char>(c);
    } else if (c > 0xFFFF) {
      const auto above = static_cast<uint32_t>(c - 0x10000);
      fmt::format_to(to, "\\u{:04x}\\u{:04x}", 0xD800u + (above >> 10u), 0xDC00u + (above & 0x3FFu));
    } else {
      fmt::format_to(to, "\\u{:04x}", static_cast<uint32_t>(c));
    }
  }
  out += '"';
}

std::string objects_json(std::span<const Object> objects) {
  std::string out = "[";
  out.reserve(64 * objects.size() + 2);
  for (const Object& object : objects) {
    if (out.size() > 1) out += ',';
    out += '[';
    for (const float side : {object.box.x, object.box.y, object.box.width, object.box.height}) {
      append_tenths(out, side);
      out += ',';
    }
    append_json_string(out, object.label());
    const float score = std::isfinite(object.score) ? object.score : 0;
    fmt::format_to(std::back_inserter(out), ",{:.3g},", score);
    if (object.track_id) {
      fmt::format_to(std::back_inserter(out), "{}]", *object.track_id);
    } else {
      out += "null]";
    }
  }
  out += ']';
  return out;
}

std::string zones_json(std::span<const Zone> zones) {
  std::string out = "[";
  for (const Zone& zone : zones) {
    if (out.size() > 1) out += ',';
    out += "{\"name\":";
    append_json_string(out, zone.name);
    out += ",\"points\":[";
    for (size_t i = 0; i < zone.points.size(); ++i) {
      out += i == 0 ? "[" : ",[";
      append_tenths(out, zone.points[i].x);
      out += ',';
      append_tenths(out, zone.points[i].y);
      out += ']';
    }
    out += "]}";
  }
  out += ']';
  return out;
}

std::string observation_json(std::string_view view, const Observation& observation) {
  const Frame& frame = observation.frame();
  std::string out = "{\"view\":";
  append_json_string(out, view);
  fmt::format_to(std::back_inserter(out),
                 ",\"sequence\":{},\"time\":\"{}\",\"width\":{},\"height\":{},\"objects\":{}}}", frame.sequence,
                 to_rfc3339(frame.capture_time), frame.width, frame.height, objects_json(observation.objects()));
  return out;
}

}  // namespace vedette::live
