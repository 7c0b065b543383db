#pragma once

#include <string>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/base/settings.h"

namespace vedette::graph {

/// A map of settings as JSON that is equal for maps which mean the same: keys sorted, numbers in one form, what equals
/// its default left out. parse_config() reads it again. `without` names top-level keys to leave out.
std::string canonical_json(const ConfigNode& map, const std::vector<std::string>& without,
                           const std::vector<FieldDoc>& defaults);

}  // namespace vedette::graph
