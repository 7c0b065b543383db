#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/config.h"

namespace vedette::fleet {

/// A tree as YAML text that parse_config reads as the same tree. Comments are gone, aliases are written out.
std::string to_yaml(const ConfigNode& root);

/// One leaf or branch on one line, as in a YAML flow: "0.5", "[person, car]", "{size: 2}".
std::string to_flow(const ConfigNode& node);

/// The documents of a YAML file that has several, between lines of "---". Empty ones are left out; each keeps its line
/// numbers, by empty lines before it.
std::vector<std::string> split_documents(std::string_view text);

/// The text with the user and password of every URL ("rtsp://user:secret@host") replaced by "***".
std::string without_secrets(std::string_view text);

}  // namespace vedette::fleet
