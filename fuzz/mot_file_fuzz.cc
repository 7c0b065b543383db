#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vedette/base/error.h"
#include "vedette/lab/mot_file.h"
#include "vedette/lab/tracking_data.h"

/// Whatever the bytes: rows that survive being written and read again, or one Error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  try {
    const auto rows = lab::parse_mot({reinterpret_cast<const char*>(data), size}, "input");
    const auto again = lab::parse_mot(lab::format_mot(rows), "again");
    VEDETTE_ASSERT(again.size() == rows.size());
    for (size_t i = 0; i < rows.size(); ++i)
      VEDETTE_ASSERT(again[i].frame == rows[i].frame && again[i].id == rows[i].id);
    if (rows.size() <= 64) lab::bring_together(rows, rows, "truth", "result");
  } catch (const Error&) {
  }
  return 0;
}
