#pragma once

#include <vector>

#include "vedette/framelog/knob_table.h"

namespace vedette::broker {

namespace v1 {
class KnobTable;
}

/// A table's live rows as a message; of a table with more than kMostRows only its frontier, which policies take.
constexpr size_t kMostRows = 512;
v1::KnobTable message_of(const framelog::KnobTable& table);

/// The rows of a message as they are, for checked_table(); of one with too many, one too many.
std::vector<framelog::Combination> rows_of(const v1::KnobTable& message);

/// Throws Error(kInvalidData) beyond kMostRows, and as KnobTable's constructor.
framelog::KnobTable checked_table(std::vector<framelog::Combination> rows);

}  // namespace vedette::broker
