#pragma once

#include <string>

#include "vedette/fleet/control.h"
#include "vedette/net/router.h"

namespace vedette::fleet {

/// Everything under /api/fleet (docs/fleet-api.md). `control` outlives the routes; Controller::stop() ends the long
/// answers. An answer of a controller that stands by has the header Vedette-Leader with the leader's URL, when known.
net::Routes api_routes(Control& control);

/// The routes' paths as an OpenAPI 3.1 `paths` object, each with its role ("x-role"), parameters, bodies and answers.
std::string openapi_paths();

}  // namespace vedette::fleet
