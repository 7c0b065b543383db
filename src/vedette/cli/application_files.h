#pragma once

#include <string>
#include <vector>

namespace vedette::cli {

/// One application's YAML as a file holds it.
struct ApplicationText {
  std::string name;
  std::string yaml;
  std::string origin;  ///< the file, for messages
};

/// The applications in files, in folders (their *.yaml and *.yml) and on standard input ("-"); a file may hold several
/// documents. Only what is needed to know their names is looked at: the controller checks the rest. Throws Error:
/// kInvalidConfig with every fault of all of them, kNotFound, kPermissionDenied, and kUsage for two of one name.
std::vector<ApplicationText> read_applications(const std::vector<std::string>& paths);

}  // namespace vedette::cli
