#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "vedette/cli/terminal.h"

namespace vedette::cli {

/// What an answer of PUT /api/fleet/apps/{name} (docs/fleet-api.md) says, for a person:
///
///   people: new, 2 sources, 4 modules
///     + source yard: rtsp://***@10.0.0.5/stream1
///     ~ detect.score: 0.4 → 0.5
///     - module track
///     detect of yard on box-2 is shared with front (acme)
///     expected: p95 120 ms, 15.0 frames a second
///
/// One line when nothing changes. Throws Error(kInvalidData) for an answer of another form.
std::string change_text(const nlohmann::json& answer, const Paint& paint);

bool changes_anything(const nlohmann::json& answer);
/// "people cannot keep p95 100 ms: the best is 240 ms"; empty: it is not refused.
std::string refusal_text(const nlohmann::json& answer);

}  // namespace vedette::cli
