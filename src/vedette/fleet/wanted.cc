#include "vedette/fleet/wanted.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// Runs `read` over the parsed text; whatever is wrong with it becomes one line.
template <typename Record, typename Read>
Record read_record(const std::string& text, const char* kind, Read read) {
  try {
    const json value = json::parse(text);
    Record record;
    read(value, record);
    return record;
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kInvalidData, std::string("a stored ") + kind + " does not read: " + e.what());
  }
}

}  // namespace

void ApplicationRecord::remember(std::string who, std::string text) {
  versions.push_back({version, changed, std::move(who), std::move(text), yaml});
  while (versions.size() > kMaxVersions) versions.erase(versions.begin());
  size_t bytes = 0;
  for (size_t i = versions.size(); i-- > 0;) {
    bytes += versions[i].yaml.size();
    const bool needed = versions[i].version == good_version;
    if (bytes > kMaxHistoryBytes && i + 1 < versions.size() && !needed) versions[i].yaml.clear();
  }
}

const ApplicationVersion* ApplicationRecord::find_version(uint64_t wanted) const {
  const auto found = std::find_if(versions.begin(), versions.end(),
                                  [&](const auto& v) { return v.version == wanted && !v.yaml.empty(); });
  return wanted == 0 || found == versions.end() ? nullptr : &*found;
}

std::string to_json(const ApplicationRecord& r) {
  json versions = json::array();
  for (const auto& v : r.versions)
    versions.push_back({{"version", v.version}, {"time", v.time}, {"who", v.who}, {"text", v.text}, {"yaml", v.yaml}});
  return dump({{"name", r.name},
               {"tenant", r.tenant},
               {"yaml", r.yaml},
               {"version", r.version},
               {"good_version", r.good_version},
               {"running", r.running},
               {"level", r.level},
               {"failed", r.failed},
               {"created", r.created},
               {"changed", r.changed},
               {"versions", versions}});
}

ApplicationRecord application_record_from_json(const std::string& text) {
  return read_record<ApplicationRecord>(text, "application", [](const json& value, ApplicationRecord& r) {
    value.at("name").get_to(r.name);
    value.at("tenant").get_to(r.tenant);
    value.at("yaml").get_to(r.yaml);
    value.at("version").get_to(r.version);
    value.at("good_version").get_to(r.good_version);
    value.at("running").get_to(r.running);
    value.at("level").get_to(r.level);
    value.at("failed").get_to(r.failed);
    value.at("created").get_to(r.created);
    value.at("changed").get_to(r.changed);
    for (const json& v : value.at("versions"))
      r.versions.push_back({v.at("version"), v.at("time"), v.at("who"), v.at("text"), v.at("yaml")});
  });
}

std::string to_json(const NodeRecord& r) {
  return dump({{"name", r.name},
               {"drained", r.drained},
               {"labels", r.labels},
               {"link_addresses", r.link_addresses},
               {"reported_labels", r.reported_labels},
               {"cores", r.cores},
               {"speed", r.speed},
               {"memory_bytes", r.memory_bytes},
               {"draining", r.draining},
               {"lost", r.lost}});
}

NodeRecord node_record_from_json(const std::string& text) {
  return read_record<NodeRecord>(text, "node", [](const json& value, NodeRecord& r) {
    value.at("name").get_to(r.name);
    value.at("drained").get_to(r.drained);
    value.at("labels").get_to(r.labels);
    value.at("link_addresses").get_to(r.link_addresses);
    value.at("reported_labels").get_to(r.reported_labels);
    value.at("cores").get_to(r.cores);
    value.at("speed").get_to(r.speed);
    value.at("memory_bytes").get_to(r.memory_bytes);
    value.at("draining").get_to(r.draining);
    value.at("lost").get_to(r.lost);
  });
}

std::string to_json(const PlacementRecord& r) {
  json pieces = json::array();
  for (const auto& piece : r.pieces) pieces.push_back(json::array({piece.stage, piece.stream}));
  return dump({{"version", r.version}, {"digest", r.digest}, {"pieces", pieces}});
}

PlacementRecord placement_record_from_json(const std::string& text) {
  return read_record<PlacementRecord>(text, "placement", [](const json& value, PlacementRecord& r) {
    value.at("version").get_to(r.version);
    value.at("digest").get_to(r.digest);
    for (const json& piece : value.at("pieces")) r.pieces.push_back({piece.at(0), piece.at(1)});
  });
}

double to_unix(Timestamp time) { return to_seconds(time.time_since_epoch()); }

}  // namespace vedette::fleet
