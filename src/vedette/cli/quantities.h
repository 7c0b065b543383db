#pragma once

#include <cstdint>
#include <string>

#include "vedette/cli/table.h"

namespace vedette::cli {

// How figures are shown: three digits that say something. What is not known, or nothing, is "" (a table shows "-").

std::string milliseconds_text(double seconds);           ///< "0.82 ms", "71 ms", "1.2 s"
std::string bytes_text(double bytes);                    ///< "812 B", "4.1 MB"
std::string bytes_per_second_text(double bytes);         ///< "4.1 MB/s"
std::string rate_text(double per_second);                ///< "14.9"
std::string count_text(uint64_t count);                  ///< "0", "99999", "1.2M"
std::string age_text(double unix_seconds, double now);   ///< "now", "5 s", "3 min", "2 h", "4 d"
/// "2026-01-31 12:00:00" in this machine's time.
std::string local_time_text(double unix_seconds);

/// A state in the colour that says whether it is good.
Cell state_cell(const std::string& state);

}  // namespace vedette::cli
