#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "vedette/cli/table.h"

namespace vedette::cli {

/// One kind of thing that `vedette get` lists: where it is had from, and how it looks as a row.
struct Resource {
  struct Column {
    std::string title;
    bool right;
    bool wide;  ///< only with -o wide
    std::function<Cell(const nlohmann::json& item, double now)> cell;
  };
  std::string name;                  ///< "nodes"
  std::vector<std::string> aliases;  ///< "node", "no"
  std::string path;                  ///< under /api/fleet/
  std::string key;                   ///< of the list in the answer
  std::vector<std::string> names;    ///< which of an item's fields NAME may be
  std::vector<Column> columns;
};

/// nodes, apps, replicas, streams, links.
const std::vector<Resource>& resources();

/// By name or alias. Throws Error(kUsage) with the nearest one.
const Resource& find_resource(const std::string& word);

/// The items of an answer, those called `name` alone unless that is empty. Throws Error(kNotFound) with the nearest
/// name, and Error(kInvalidData) for an answer of another form.
nlohmann::json select(const Resource& resource, const nlohmann::json& answer, const std::string& name);

/// `now`: in Unix seconds. Throws Error(kInvalidData) for items of another form.
Table to_table(const Resource& resource, const nlohmann::json& items, bool wide, double now);

}  // namespace vedette::cli
