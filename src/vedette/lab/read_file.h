#pragma once

#include <cstddef>
#include <string>

namespace vedette::lab {

/// The bytes of a file. Throws Error(kNotFound | kPermissionDenied) when it cannot be read, Error(kInvalidData) when it
/// is a folder or larger than `largest_bytes`.
std::string read_file(const std::string& path, size_t largest_bytes);

}  // namespace vedette::lab
