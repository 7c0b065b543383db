#include "vedette/framelog/keyring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

std::optional<SecretKey> from_hex(std::string_view text) {
  SecretKey key{};
  if (text.size() != key.size() * 2) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    key[i / 2] = static_cast<uint8_t>(key[i / 2] << 4 | digit);
  }
  return key;
}

std::optional<SecretKey> from_base64(std::string_view text) {
  if (text.size() != 44 || text[43] != '=' || text[42] == '=') return std::nullopt;
  std::array<uint8_t, 33> out{};
  const int got = EVP_DecodeBlock(out.data(), reinterpret_cast<const uint8_t*>(text.data()), 44);
  if (got != 33) return std::nullopt;
  SecretKey key{};
  std::copy_n(out.begin(), key.size(), key.begin());
  return key;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::strchr(" \t\r", text.front()) != nullptr) text.remove_prefix(1);
  while (!text.empty() && std::strchr(" \t\r", text.back()) != nullptr) text.remove_suffix(1);
  return text;
}

}  // namespace

uint64_t Keyring::id_of(const SecretKey& key) {
  constexpr std::string_view kLabel = "vedette segment key";
  std::array<uint8_t, 64> text{};
  std::memcpy(text.data(), kLabel.data(), kLabel.size());
  std::memcpy(text.data() + kLabel.size(), key.data(), key.size());
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  if (EVP_Digest(text.data(), kLabel.size() + key.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorCode::kInternal, "OpenSSL refuses SHA-256");
  }
  uint64_t id = 0;
  std::memcpy(&id, digest.data(), sizeof(id));
  return id == 0 ? 1 : id;
}

Keyring Keyring::parse(const std::string& text, const std::string& where) {
  Keyring ring;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string_view word = trimmed(line);
    if (word.empty() || word.front() == '#') continue;
    auto key = from_hex(word);
    if (!key) key = from_base64(word);
    if (!key) {
      throw Error(ErrorCode::kInvalidConfig, fmt::format("{}: line {} is no key", where, number),
                  "64 hexadecimal digits, or base64 of 32 bytes");
    }
    if (ring.find(id_of(*key)) == nullptr) ring.keys_.push_back(*key);
  }
  if (ring.empty()) {
    throw Error(ErrorCode::kInvalidConfig, fmt::format("{} holds no key", where),
                "64 hexadecimal digits, or base64 of 32 bytes");
  }
  return ring;
}

Keyring Keyring::from_file(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) throw_errno(errno, fmt::format("cannot read the key file {}", path));
  if (S_ISREG(about.st_mode) && (about.st_mode & 077) != 0) {
    throw Error(ErrorCode::kPermissionDenied, fmt::format("others may read or write the key file {}", path),
                fmt::format("chmod 600 {}", path));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_errno(errno, fmt::format("cannot read the key file {}", path));
  std::string text(64 * 1024, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return parse(text, path);
}

Keyring Keyring::from_environment(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr) {
    throw Error(ErrorCode::kNotFound, fmt::format("the environment has no {}", variable), "set it to a key");
  }
  std::string text = value;
  std::replace(text.begin(), text.end(), ',', '\n');
  return parse(text, "the environment's " + variable);
}

Keyring Keyring::from(const std::string& path, const std::string& variable) {
  if (!path.empty()) return from_file(path);
  if (std::getenv(variable.c_str()) != nullptr) return from_environment(variable);
  return {};
}

Keyring Keyring::of(std::vector<SecretKey> keys) {
  Keyring ring;
  ring.keys_ = std::move(keys);
  return ring;
}

const SecretKey* Keyring::find(uint64_t id) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [id](const auto& key) { return id_of(key) == id; });
  return found == keys_.end() ? nullptr : &*found;
}

void make_segment_key_file(const std::string& path) {
  SecretKey key{};
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) {
    throw Error(ErrorCode::kInternal, "OpenSSL has no random bytes");
  }
  std::string text;
  for (const uint8_t byte : key) text += fmt::format("{:02x}", byte);
  text += '\n';
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    if (errno == EEXIST) throw Error(ErrorCode::kInvalidConfig, fmt::format("{} exists already", path), "move it away");
    throw_errno(errno, fmt::format("cannot create {}", path));
  }
  const ssize_t wrote = ::write(file, text.data(), text.size());
  const int cause = errno;
  ::close(file);
  if (wrote != static_cast<ssize_t>(text.size())) throw_errno(cause, fmt::format("cannot write {}", path));
}

}  // namespace vedette::framelog
