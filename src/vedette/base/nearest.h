#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vedette {

/// The candidate with the least edit distance to `name` (Damerau-Levenshtein, optimal string alignment), or "" when
/// none is within a third of the longer name's length, so that a hint is only given when it is likely to be meant.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

/// "did you mean 'x'?" or, when nothing is near, "one of: a, b, c".
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace vedette
