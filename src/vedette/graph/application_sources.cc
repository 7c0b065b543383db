// The sources of an application, and their names.
#include <algorithm>
#include <cctype>
#include <set>

#include "vedette/base/error.h"
#include "vedette/graph/application_parts.h"
#include "vedette/graph/canonical.h"

namespace vedette::graph {
namespace {

struct SourceEntry {
  std::string name;
  media::SourceOptions options;
  PinFields pin;

  void fields(Fields& f) {
    f.text("name", name, "unique within the application; default: made from the URL");
    options.fields(f);
    pin.fields(f);
  }
};

std::vector<FieldDoc> source_fields() {
  SourceEntry entry;
  return list_settings([&](Fields& f) { entry.fields(f); });
}

/// A source that is nothing but a URL, as a map.
ConfigNode as_map(const ConfigNode& item) {
  if (!item.is_scalar()) return item;
  ConfigNode map;
  map.set("url", item);
  return map;
}

/// A name for a source that has none: the last part of its URL, made valid and unique.
std::string name_from_url(const std::string& url, const std::set<std::string>& taken) {
  std::string path = media::without_credentials(url);
  if (const size_t query = path.find('?'); query != std::string::npos && path.find("://") != std::string::npos)
    path.resize(query);
  while (!path.empty() && path.back() == '/') path.pop_back();
  const size_t slash = path.find_last_of('/');
  std::string base = slash == std::string::npos ? path : path.substr(slash + 1);
  if (const size_t dot = base.find_last_of('.'); dot != std::string::npos && dot > 0) base.resize(dot);
  std::string name;
  for (const unsigned char c : base.substr(0, 48))
    name += std::isalnum(c) || c == '-' || c == '_' || c == '.' ? static_cast<char>(c) : '-';
  if (name.empty()) name = "camera";
  std::string unique = name;
  for (int n = 2; taken.contains(unique); ++n) unique = name + "-" + std::to_string(n);
  return unique;
}

}  // namespace

void parse_sources(const ConfigNode* list, std::vector<SourceSpec>& sources, Faults& faults) {
  if (!list) return;
  if (!list->is_list()) {
    faults.add(*list, "'sources' must be a list");
    return;
  }
  std::set<std::string> taken;
  for (const auto& item : list->items()) {
    SourceEntry entry;
    if (item.is_scalar()) {
      entry.options.url = item.text();
    } else {
      read_settings(item, [&](Fields& f) { entry.fields(f); }, faults);
    }
    if (entry.name.empty()) entry.name = name_from_url(entry.options.url, taken);
    if (!valid_name(entry.name))
      faults.add(item, "'" + entry.name + "' is no name", "letters, digits, '-', '_' and '.', at most 64");
    if (!taken.insert(entry.name).second) faults.add(item, "two sources are named '" + entry.name + "'");
    SourceSpec spec{
        .name = std::move(entry.name), .options = std::move(entry.options), .settings = {}, .pin = entry.pin.pin()};
    if (item.is_map() || item.is_scalar()) spec.settings = canonical_json(as_map(item), kPlaceKeys, source_fields());
    sources.push_back(std::move(spec));
  }
}

media::SourceOptions parse_source(const std::string& settings) {
  Faults faults;
  auto options = read_settings<media::SourceOptions>(parse_config(settings, "settings of a source"), faults);
  faults.throw_if_any();
  return options;
}

}  // namespace vedette::graph
