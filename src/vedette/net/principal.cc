#include "vedette/net/principal.h"

namespace vedette::net {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kNone: return "none";
    case Role::kViewer: return "viewer";
    case Role::kOperator: return "operator";
    case Role::kAdmin: return "admin";
    case Role::kNode: return "node";
  }
  return "none";
}

std::optional<Role> role_of(std::string_view word) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin, Role::kNode})
    if (word == to_string(role)) return role;
  return std::nullopt;
}

const std::vector<std::string>& role_names() {
  static const std::vector<std::string> names{"viewer", "operator", "admin", "node"};
  return names;
}

bool allows(Role has, Role needed) {
  if (needed == Role::kNone || has == Role::kAdmin) return true;
  if (has == Role::kNode || needed == Role::kNode) return has == needed;
  return has >= needed;
}

}  // namespace vedette::net
