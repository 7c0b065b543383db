#pragma once

#include <string>

namespace vedette::net {

/// The first line of a secret's file, a token say. Throws Error(kNotFound | kPermissionDenied | kInvalidConfig).
std::string read_secret(const std::string& path);
/// All of a file as it is, a certificate or its key. Throws Error(kNotFound).
std::string read_file(const std::string& path);

}  // namespace vedette::net
