#include "vedette/broker/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/base/error.h"

namespace vedette::broker {
namespace {

constexpr size_t kMostRules = 10'000;

struct AccessFile {
  std::vector<AccessRule> rules;
  void fields(Fields& f) { f.required().groups("rules", rules, "who may see which cameras; each adds to the others"); }
};

bool matches(const AccessRule& rule, const net::Principal& who, std::string_view camera) {
  if (!glob_matches(rule.token, who.name) || !glob_matches(rule.tenant, who.tenant)) return false;
  if (rule.role != "*" && rule.role != net::to_string(who.role)) return false;
  return std::any_of(rule.cameras.begin(), rule.cameras.end(),
                     [&](const std::string& glob) { return glob_matches(glob, camera); });
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  size_t g = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_text = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

void AccessRule::fields(Fields& f) {
  f.text("token", token, "glob over the names of tokens");
  f.text("tenant", tenant, "glob over the tenants of tokens; an empty tenant matches * only");
  f.text("role", role, "viewer, operator, admin, node, or * for any");
  f.required().texts("cameras", cameras, "globs over the names of cameras");
  f.whole("max_side_px", max_side_px, "most pixels of the longer side; 0: as it was captured", {0, 65535});
  f.flag("live", live, "may see frames as they come");
  f.flag("history", history, "may see kept frames");
  f.flag("publish", publish, "may publish");
  f.check([this]() -> std::string {
    if (role != "*" && !net::role_of(role)) return "'" + role + "' is no role (viewer, operator, admin, node or *)";
    return {};
  });
}

Access Access::load(const std::string& path) {
  Faults faults;
  auto file = read_settings<AccessFile>(load_config(path), faults);
  if (file.rules.size() > kMostRules) faults.add(path + ": more than 10000 rules");
  faults.throw_if_any();
  return Access(std::move(file.rules));
}

Rights Access::rights(const net::Principal& who, std::string_view camera) const {
  Rights rights;
  if (who.role == net::Role::kNone) return rights;
  if (who.role == net::Role::kAdmin || who.role == net::Role::kNode) return {true, true, true, 0};
  if (!given_) return {true, true, who.may(net::Role::kOperator), 0};
  for (const AccessRule& rule : rules_) {
    if (!matches(rule, who, camera)) continue;
    const bool saw = rights.live || rights.history;
    if (rule.live || rule.history) {
      const bool unlimited = rule.max_side_px == 0 || (saw && rights.max_side_px == 0);
      rights.max_side_px = unlimited ? 0 : std::max(rights.max_side_px, rule.max_side_px);
    }
    rights.live = rights.live || rule.live;
    rights.history = rights.history || rule.history;
    rights.publish = rights.publish || rule.publish;
  }
  return rights;
}

void Access::check_publish(const net::Principal& who, const std::string& camera) const {
  if (rights(who, camera).publish) return;
  throw Error(ErrorCode::kPermissionDenied, fmt::format("token '{}' may not publish camera '{}'", who.name, camera),
              "a rule with publish: true in the access file allows it");
}

void Access::check_subscribe(const net::Principal& who, const std::string& camera, bool history,
                             uint32_t max_side_px) const {
  const Rights r = rights(who, camera);
  if (!r.live && !r.history)
    throw Error(ErrorCode::kPermissionDenied, fmt::format("token '{}' may not see camera '{}'", who.name, camera));
  if (history && !r.history)
    throw Error(ErrorCode::kPermissionDenied, fmt::format("token '{}' may see camera '{}' only live", who.name, camera),
                "leave out begin");
  if (!history && !r.live)
    throw Error(ErrorCode::kPermissionDenied,
                fmt::format("token '{}' may see camera '{}' only in the past", who.name, camera), "give begin and end");
  if (r.max_side_px > 0 && (max_side_px == 0 || max_side_px > static_cast<uint32_t>(r.max_side_px)))
    throw Error(
        ErrorCode::kPermissionDenied,
        fmt::format("token '{}' may see camera '{}' with at most {} pixels a side", who.name, camera, r.max_side_px),
        fmt::format("ask for max_side_px {}", r.max_side_px));
}

}  // namespace vedette::broker
