#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vedette/fleet/definition.h"

namespace vedette::fleet {

/// One difference between two versions of an application.
struct Change {
  std::string what;                 ///< "add", "change", "remove"
  std::string kind;                 ///< "application", "source", "module", "setting", "objective", "edge"
  std::string name;  ///< "people", "yard", "detect", "detect.score", "latency_p95_ms", "detect → track"
  std::optional<std::string> from;  ///< as YAML in one line, without the credentials of URLs
  std::optional<std::string> to;

  friend bool operator==(const Change&, const Change&) = default;
};

/// What `to` changes of `from`; without `from` everything is added: the application, its sources and modules. Modules
/// and sources are told apart by name. Empty when nothing but form differs.
std::vector<Change> diff(const Definition* from, const Definition& to);
/// What there was.
std::vector<Change> diff_removed(const Definition& from);

/// "~ detect.score: 0.4 → 0.5", "+ module track", "- source yard".
std::string to_text(const Change& change);
/// The first few changes in one line, for an application's history.
std::string summary(const std::vector<Change>& changes);

}  // namespace vedette::fleet
