#pragma once

#include <string>

namespace vedette::console {

/// The console's interface as an OpenAPI 3.1 document.
std::string openapi_json(const std::string& version);

}  // namespace vedette::console
