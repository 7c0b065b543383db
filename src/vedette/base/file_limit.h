#pragma once

namespace vedette {

/// Raises how many files this process may have open to what it is allowed at most: shells and services begin with 1,024
/// for the sake of select(2), which nothing here uses, and the shared segments of forty cameras are more.
void raise_file_limit();

}  // namespace vedette
