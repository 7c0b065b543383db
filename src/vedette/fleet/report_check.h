#pragma once

#include <string>

#include "vedette/plan/report.h"

namespace vedette::fleet {

/// Letters, digits, '-', '_' and '.', 1 to 64 of them.
bool is_name(const std::string& name);

/// A report comes from outside: throws Error(kInvalidData) naming the field when a name is no name, a number is no
/// number or no sensible one, or a list or text is longer than any node's.
void check_report(const plan::NodeReport& report);

}  // namespace vedette::fleet
