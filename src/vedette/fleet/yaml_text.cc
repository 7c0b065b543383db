#include "vedette/fleet/yaml_text.h"

#include <fmt/format.h>

#include <cctype>

namespace vedette::fleet {
namespace {

/// Whether a scalar that was plain may stand plain anywhere, inside brackets too.
bool may_be_plain(std::string_view text) {
  if (text.empty() || text.back() == ':' || text == "-" || text.starts_with("---") || text.starts_with("..."))
    return false;
  const unsigned char first = static_cast<unsigned char>(text.front());
  if (!std::isalnum(first) && std::string_view("-+./_~").find(text.front()) == std::string_view::npos) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isalnum(byte) && std::string_view("-+./_~:@=%?&").find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string scalar(const ConfigNode& node) {
  return !node.quoted() && may_be_plain(node.text()) ? node.text() : quote(node.text());
}

std::string key_text(const std::string& key) { return may_be_plain(key) ? key : quote(key); }

bool is_short(const ConfigNode& node) {
  if (node.is_scalar() || node.is_null()) return true;
  if (node.is_map() ? node.entries().empty() : node.items().empty()) return true;
  if (node.is_list())
    for (const auto& item : node.items())
      if (item.is_map()) return false;
  if (node.is_map())
    for (const auto& [key, value] : node.entries())
      if (!value.is_scalar()) return false;
  return to_flow(node).size() <= 90;
}

/// Writes what comes behind "key:" or "-"; `indent` is that of the node's own lines.
void write(const ConfigNode& node, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  bool first = true;
  const auto begin = [&] {
    if (!first) out += margin;
    first = false;
  };
  const auto value_of = [&](const ConfigNode& value) {
    if (is_short(value)) {
      out += ' ' + to_flow(value) + '\n';
    } else {
      out += '\n' + std::string(indent + 2, ' ');
      write(value, indent + 2, out);
    }
  };
  if (node.is_map()) {
    for (const auto& [key, value] : node.entries()) {
      begin();
      out += key_text(key) + ':';
      value_of(value);
    }
  } else {
    for (const auto& item : node.items()) {
      begin();
      if (item.is_map() && !item.entries().empty() && to_flow(item).size() > 90) {
        out += "- ";
        write(item, indent + 2, out);
      } else if (item.is_map() || is_short(item)) {
        out += "- " + to_flow(item) + '\n';
      } else {
        out += '-';
        value_of(item);
      }
    }
  }
}

}  // namespace

std::string to_flow(const ConfigNode& node) {
  if (node.is_null()) return "~";
  if (node.is_scalar()) return scalar(node);
  std::string out;
  if (node.is_list()) {
    for (const auto& item : node.items()) out += (out.empty() ? "" : ", ") + to_flow(item);
    return '[' + out + ']';
  }
  for (const auto& [key, value] : node.entries())
    out += (out.empty() ? "" : ", ") + key_text(key) + ": " + to_flow(value);
  return '{' + out + '}';
}

std::string to_yaml(const ConfigNode& root) {
  if (!root.is_map() || root.entries().empty()) return to_flow(root) + '\n';
  std::string out;
  write(root, 0, out);
  return out;
}

std::vector<std::string> split_documents(std::string_view text) {
  std::vector<std::string> documents;
  std::string current;
  size_t lines = 0;
  bool anything = false;
  const auto end_one = [&] {
    if (anything) documents.push_back(std::move(current));
    current.assign(lines, '\n');
    anything = false;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++lines;
    std::string_view bare = line;
    while (!bare.empty() && (bare.back() == '\r' || bare.back() == ' ')) bare.remove_suffix(1);
    if (bare == "---") {
      end_one();
      continue;
    }
    const size_t mark = bare.find_first_not_of(" \t");
    anything = anything || (mark != std::string_view::npos && bare[mark] != '#');
    current.append(line).append("\n");
  }
  end_one();
  return documents;
}

std::string without_secrets(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t scheme = text.find("://", at);
    if (scheme == std::string_view::npos) {
      out += text.substr(at);
      break;
    }
    const size_t begin = scheme + 3;
    const size_t end = std::min(text.find_first_of("/?# \t\r\n\"'", begin), text.size());
    const size_t sign = text.substr(begin, end - begin).rfind('@');
    out += text.substr(at, begin - at);
    at = begin;
    if (sign != std::string_view::npos) {
      out += "***";
      at = begin + sign;
    }
  }
  return out;
}

}  // namespace vedette::fleet
