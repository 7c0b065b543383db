#pragma once

#include <string>

namespace vedette::net {

/// The first line of a secret's file, a token say. Throws Error(kNotFound | kPermissionDenied | kInvalidConfig).
std::string read_secret(const std::string& path);

}  // namespace vedette::net
