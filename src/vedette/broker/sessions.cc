#include "vedette/broker/sessions.h"

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/net/message.h"
#include "vedette/net/token.h"

namespace vedette::broker {
namespace {

constexpr Duration kLife = std::chrono::hours(1);

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

std::string Sessions::begin(const net::Principal& who, const std::string& resume, bool& resumed) {
  const std::lock_guard lock(mutex_);
  const auto known = resume.empty() ? sessions_.end() : sessions_.find(resume);
  resumed = known != sessions_.end() && known->second.who.name == who.name;
  if (resumed) {
    known->second = {who, now(), false};
    return resume;
  }
  if (sessions_.size() >= most_) throw Error(ErrorCode::kExhausted, "too many sessions");
  const std::string id = net::random_token_id() + net::random_token_id();
  sessions_[id] = {who, now(), false};
  return id;
}

net::Principal Sessions::owner(const std::string& session) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.adopted)
    throw net::HttpError(401, ErrorCode::kPermissionDenied, "an unknown session", "call Connect first");
  return found->second.who;
}

bool Sessions::end(const std::string& session) {
  const std::lock_guard lock(mutex_);
  return sessions_.erase(session) > 0;
}

void Sessions::adopt(const v1::SessionState& state) {
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= most_) return;
  Session session;
  session.who.name = state.name();
  session.used = now();
  session.adopted = true;
  sessions_.try_emplace(state.session(), session);
}

void Sessions::forget_old(const std::function<bool(const std::string&)>& in_use) {
  const MonotonicTime at = now();
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_,
                [&](const auto& entry) { return at - entry.second.used > kLife && !in_use(entry.second.who.name); });
}

std::vector<v1::SessionState> Sessions::all() const {
  std::vector<v1::SessionState> list;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, session] : sessions_) {
    auto& state = list.emplace_back();
    state.set_session(id);
    state.set_name(session.who.name);
  }
  return list;
}

size_t Sessions::count() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace vedette::broker
