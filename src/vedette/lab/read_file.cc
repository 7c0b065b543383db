#include "vedette/lab/read_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"

namespace vedette::lab {

std::string read_file(const std::string& path, size_t largest_bytes) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorCode::kInvalidData, fmt::format("{} is a folder", path), "name a file");
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw_errno(errno ? errno : EIO, fmt::format("cannot read {}", path));
  std::string bytes;
  char chunk[1 << 16];
  while (in.read(chunk, sizeof chunk), in.gcount() > 0) {
    bytes.append(chunk, static_cast<size_t>(in.gcount()));
    if (bytes.size() > largest_bytes) {
      throw Error(ErrorCode::kInvalidData, fmt::format("{} is larger than {} bytes", path, largest_bytes));
    }
  }
  if (in.bad()) throw_errno(errno ? errno : EIO, fmt::format("cannot read {}", path));
  return bytes;
}

}  // namespace vedette::lab
