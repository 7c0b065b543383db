#pragma once

#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "vedette/base/settings.h"
#include "vedette/net/token.h"

namespace vedette::net {

struct AuthorityOptions {
  std::string key;                 ///< path of the key file, see make_key_file
  std::string revoked;  ///< path of the list of revoked ids, one a line, '#' begins a comment; empty: none
  int64_t clock_skew_seconds = 60;  ///< how far the clocks of the machines may differ

  void fields(Fields& f);
};

/// Verifies tokens, and makes them. The list of revoked ids is read again when the file has changed; when it can then
/// not be read, the ids known before stay revoked and every new problem is logged once. Thread-safe.
class Authority {
 public:
  /// Throws Error when a file is missing, unreadable or malformed.
  explicit Authority(const AuthorityOptions& options, const Clock& clock = Clock::system());

  /// Throws Error(kPermissionDenied): malformed, forged, expired, revoked.
  Principal verify(std::string_view token) const;
  /// Whether a principal that verify() gave would still be given.
  bool still_valid(const Principal& principal) const;
  /// A new token that runs `lifetime` from now.
  std::string issue(const std::string& name, Role role, const std::string& tenant, std::chrono::seconds lifetime) const;

 private:
  struct FileStamp {
    int64_t changed_ns = 0;
    int64_t size_bytes = -1;
    uint64_t inode = 0;
    bool operator==(const FileStamp&) const = default;
  };
  bool revoked(const std::string& id) const;
  void load_revoked() const;
  FileStamp stamp() const;

  const TokenKeys keys_;
  const std::string revoked_path_;
  const std::chrono::seconds skew_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::set<std::string, std::less<>> revoked_;
  mutable FileStamp stamp_;
};

}  // namespace vedette::net
