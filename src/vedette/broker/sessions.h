#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/net/principal.h"

namespace vedette::broker {

namespace v1 {
class SessionState;
}

/// Who called Connect: a session opens streams, and is resumed at the standby. Thread-safe.
class Sessions {
 public:
  explicit Sessions(size_t most) : most_(most) {}

  /// A new one, or the one that is resumed when it is known and the same token's. Throws Error(kExhausted).
  std::string begin(const net::Principal& who, const std::string& resume, bool& resumed);
  /// Throws net::HttpError(401) for an unknown one, and for one of the primary's whose client did not come yet.
  net::Principal owner(const std::string& session) const;
  bool end(const std::string& session);
  /// A primary has it: who comes with it and the same token resumes it.
  void adopt(const v1::SessionState& state);
  /// Forgets those that nobody has used for an hour and whose token (by name) is not `in_use`.
  void forget_old(const std::function<bool(const std::string&)>& in_use);
  std::vector<v1::SessionState> all() const;
  size_t count() const;

 private:
  struct Session {
    net::Principal who;
    MonotonicTime used{};
    bool adopted = false;  // from a primary: its token was not seen yet
  };
  const size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, Session> sessions_;
};

}  // namespace vedette::broker
