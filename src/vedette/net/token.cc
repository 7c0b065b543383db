#include "vedette/net/token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/net/base64.h"

namespace vedette::net {
namespace {

constexpr std::string_view kTokenPrefix = "vdt_";
constexpr std::string_view kKeyPrefix = "vdk_";
constexpr size_t kKeyBytes = 32;
constexpr size_t kLongestToken = 4096;
constexpr size_t kLongestName = 128;
constexpr size_t kLargestKeyFile = 64 << 10;
/// 9999-12-31: what RFC 3339 can say and a Timestamp of nanoseconds (until 2262) cannot; kept well below.
constexpr int64_t kLatest = 7'258'118'400;  // 2200-01-01

[[noreturn]] void refuse(const std::string& what, const std::string& hint = "make one with vedette token create") {
  throw Error(ErrorCode::kPermissionDenied, what, hint);
}

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    throw Error(ErrorCode::kInternal, "the system gives no random numbers");
  }
  return bytes;
}

std::string mac(std::string_view text, const std::string& key) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
            text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size)) {
    throw Error(ErrorCode::kInternal, "OpenSSL makes no HMAC");
  }
  digest.resize(size);
  return digest;
}

Timestamp timestamp(int64_t seconds) { return Timestamp{std::chrono::seconds(seconds)}; }
int64_t seconds_of(Timestamp time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); }

bool is_plain(const std::string& text, size_t longest) {
  return text.size() <= longest &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// What is wrong with the contents; "" when nothing is.
std::string fault_of(const Token& token) {
  if (token.id.empty() || !is_plain(token.id, 64)) return "its id is missing or malformed";
  if (token.name.empty() || !is_plain(token.name, kLongestName)) return "its name is missing or malformed";
  if (!is_plain(token.tenant, kLongestName)) return "its tenant is malformed";
  if (token.role == Role::kNone) return "it has no role";
  if (seconds_of(token.issued) < 0 || seconds_of(token.expires) > kLatest) return "its times are out of range";
  if (token.expires <= token.issued) return "it expires before it was issued";
  return "";
}

struct Parts {
  std::string_view signed_text;
  std::string payload;
  std::string signature;
};

Parts split(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (text.size() > kLongestToken || !text.starts_with(kTokenPrefix) || dot == std::string_view::npos) {
    refuse("this is no token", "a token begins with vdt_; make one with vedette token create");
  }
  const auto payload = from_base64url(text.substr(kTokenPrefix.size(), dot - kTokenPrefix.size()));
  const auto signature = from_base64url(text.substr(dot + 1));
  if (!payload || !signature) refuse("the token is damaged", "copy it again as a whole");
  return {text.substr(0, dot), *payload, *signature};
}

Token contents(const std::string& payload) {
  const auto json = nlohmann::json::parse(payload, nullptr, false);
  if (!json.is_object()) refuse("the token is damaged", "copy it again as a whole");
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) refuse(fmt::format("the token has no '{}'", key));
    return found->get<std::string>();
  };
  const auto time = [&](const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer()) refuse(fmt::format("the token has no '{}'", key));
    const int64_t seconds =
        found->is_number_unsigned() && found->get<uint64_t>() > INT64_MAX ? -1 : found->get<int64_t>();
    if (seconds < 0 || seconds > kLatest) refuse("the token is refused: its times are out of range");
    return timestamp(seconds);
  };
  Token token{text("id"), text("name"), Role::kNone, text("tenant"), time("issued"), time("expires")};
  const auto role = role_of(text("role"));
  if (!role) refuse("the token has a role that this program does not know", "one of: viewer, operator, admin, node");
  token.role = *role;
  if (const std::string fault = fault_of(token); !fault.empty()) refuse("the token is refused: " + fault);
  return token;
}

struct FileCloser {
  int fd;
  ~FileCloser() { ::close(fd); }
};

}  // namespace

void make_key_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0 && errno == EEXIST) {
    throw Error(ErrorCode::kUsage, fmt::format("{} exists already", path),
                "a new key makes every token of the old one invalid; remove the file first if that is meant");
  }
  if (fd < 0) throw_errno(errno, "cannot make " + path);
  const FileCloser closer{fd};
  const std::string line = fmt::format("{}{}\n", kKeyPrefix, to_base64url(random_bytes(kKeyBytes)));
  if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size()) || ::fsync(fd) != 0) {
    const int why = errno;
    ::unlink(path.c_str());
    throw_errno(why, "cannot write " + path);
  }
}

TokenKeys read_key_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) throw_errno(errno, "cannot read the token key " + path);
  const FileCloser closer{fd};
  struct stat about{};
  ::fstat(fd, &about);
  if (S_ISREG(about.st_mode) && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    throw Error(ErrorCode::kPermissionDenied, fmt::format("other users may read the token key {}", path),
                "chmod 600 it, and make a new key if others have had the chance");
  }
  std::string text(kLargestKeyFile, '\0');
  const ssize_t got = ::read(fd, text.data(), text.size());
  if (got < 0) throw_errno(errno, "cannot read the token key " + path);
  text.resize(static_cast<size_t>(got));
  TokenKeys keys;
  int number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto key = line.starts_with(kKeyPrefix) ? from_base64url(line.substr(kKeyPrefix.size())) : std::nullopt;
    if (!key || key->size() != kKeyBytes) {
      throw Error(ErrorCode::kInvalidConfig, fmt::format("{}:{}: this is no token key", path, number),
                  "make one with vedette token key FILE");
    }
    keys.push_back(*key);
  }
  if (keys.empty()) {
    throw Error(ErrorCode::kInvalidConfig, fmt::format("{} holds no token key", path),
                "make one with vedette token key FILE");
  }
  return keys;
}

std::string random_token_id() {
  std::string id;
  for (const char c : random_bytes(8)) fmt::format_to(std::back_inserter(id), "{:02x}", static_cast<unsigned char>(c));
  return id;
}

std::string sign_token(const Token& token, const TokenKeys& keys) {
  VEDETTE_ASSERT(!keys.empty());
  if (const std::string fault = fault_of(token); !fault.empty()) {
    throw Error(ErrorCode::kUsage, "no such token can be made: " + fault);
  }
  const nlohmann::ordered_json json = {{"id", token.id},
                                       {"name", token.name},
                                       {"role", to_string(token.role)},
                                       {"tenant", token.tenant},
                                       {"issued", seconds_of(token.issued)},
                                       {"expires", seconds_of(token.expires)}};
  std::string payload;
  try {
    payload = json.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::kUsage, "no such token can be made: its name or tenant is no UTF-8");
  }
  const std::string text = std::string(kTokenPrefix) + to_base64url(payload);
  return text + "." + to_base64url(mac(text, keys.front()));
}

Token read_token(std::string_view text) { return contents(split(text).payload); }

Token verify_token(std::string_view text, const TokenKeys& keys, Timestamp now, std::chrono::seconds skew) {
  const Parts parts = split(text);
  bool genuine = false;
  for (const std::string& key : keys) {
    const std::string right = mac(parts.signed_text, key);
    if (parts.signature.size() == right.size() &&
        CRYPTO_memcmp(parts.signature.data(), right.data(), right.size()) == 0) {
      genuine = true;
    }
  }
  if (!genuine) refuse("the token's signature is wrong", "it was made with another key, or altered");
  Token token = contents(parts.payload);
  if (now >= token.expires + skew) {
    refuse(fmt::format("token '{}' expired {}", token.name, to_seconds_text(token.expires)),
           "make a new one with vedette token create");
  }
  if (now + skew < token.issued) {
    refuse(fmt::format("token '{}' is from the future: issued {}, and here it is {}", token.name,
                       to_seconds_text(token.issued), to_seconds_text(now)),
           "set the clocks of the two machines");
  }
  return token;
}

std::string to_seconds_text(Timestamp time) {
  return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)).substr(0, 19) + "Z";
}

}  // namespace vedette::net
