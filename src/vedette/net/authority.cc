#include "vedette/net/authority.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::net {
namespace {

constexpr int64_t kLargestList = 1 << 20;

}  // namespace

void AuthorityOptions::fields(Fields& f) {
  f.text("key", key,
         "file of the token key, made by vedette token key; without it only loopback is served, to everybody");
  f.text("revoked", revoked, "file of the ids of revoked tokens, one a line");
  f.whole("clock_skew_seconds", clock_skew_seconds, "how far the clocks of the machines may differ", {0, 3600});
}

Authority::Authority(const AuthorityOptions& options, const Clock& clock)
    : keys_(read_key_file(options.key)),
      revoked_path_(options.revoked),
      skew_(options.clock_skew_seconds),
      clock_(clock) {
  if (!revoked_path_.empty()) load_revoked();
}

Principal Authority::verify(std::string_view text) const {
  Token token = verify_token(text, keys_, clock_.now(), skew_);
  if (revoked(token.id)) {
    throw Error(ErrorCode::kPermissionDenied, fmt::format("token '{}' ({}) was revoked", token.name, token.id),
                "make a new one with vedette token create");
  }
  return {std::move(token.name), token.role, std::move(token.tenant), std::move(token.id), token.expires};
}

bool Authority::still_valid(const Principal& principal) const {
  if (principal.token_id.empty()) return true;
  return clock_.now() < principal.expires + skew_ && !revoked(principal.token_id);
}

std::string Authority::issue(const std::string& name, Role role, const std::string& tenant,
                             std::chrono::seconds lifetime) const {
  const Timestamp now = std::chrono::floor<std::chrono::seconds>(clock_.now());
  return sign_token({random_token_id(), name, role, tenant, now, now + lifetime}, keys_);
}

bool Authority::revoked(const std::string& id) const {
  if (revoked_path_.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (const FileStamp now = stamp(); now != stamp_) {
    try {
      load_revoked();
    } catch (const Error& error) {
      log::error("the ids that were revoked before stay so: {}", error.line());
      stamp_ = now;
    }
  }
  return revoked_.contains(id);
}

Authority::FileStamp Authority::stamp() const {
  struct stat about{};
  if (::stat(revoked_path_.c_str(), &about) != 0) return {};
  return {about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec, about.st_size, about.st_ino};
}

void Authority::load_revoked() const {
  const FileStamp now = stamp();
  std::ifstream file(revoked_path_);
  if (!file) throw_errno(errno, "cannot read the list of revoked tokens " + revoked_path_);
  if (now.size_bytes > kLargestList) {
    throw Error(ErrorCode::kInvalidConfig, fmt::format("{} is larger than {} bytes", revoked_path_, kLargestList),
                "leave out tokens that have expired, or make a new key");
  }
  std::set<std::string, std::less<>> ids;
  for (std::string line; std::getline(file, line);) {
    line.erase(std::min(line.find('#'), line.size()));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty()) ids.insert(line);
  }
  revoked_ = std::move(ids);
  stamp_ = now;
}

}  // namespace vedette::net
