#include "vedette/net/secret.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "vedette/base/error.h"

namespace vedette::net {
namespace {

constexpr std::streamsize kLongest = 4096;

}  // namespace

std::string read_secret(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  if (!file) throw_errno(errno == 0 ? ENOENT : errno, "cannot read the token in " + path);
  std::string text(static_cast<size_t>(kLongest) + 1, '\0');
  file.read(text.data(), kLongest + 1);
  const auto length = file.gcount();
  if (length > kLongest) throw Error(ErrorCode::kInvalidConfig, path + " is too long to hold a token");
  text.resize(static_cast<size_t>(length));
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  if (text.empty()) throw Error(ErrorCode::kInvalidConfig, path + " holds no token", "put it into its first line");
  return text;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kNotFound, "cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace vedette::net
