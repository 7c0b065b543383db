#pragma once

#include <string>

#include "vedette/net/router.h"

namespace vedette::console {

/// The interface as an OpenAPI 3.1 document: the console's own part, and every route that has a summary.
std::string openapi_json(const std::string& version, const net::Routes& routes);

}  // namespace vedette::console
