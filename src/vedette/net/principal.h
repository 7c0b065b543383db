#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/time.h"

namespace vedette::net {

/// What somebody may do. kViewer < kOperator < kAdmin; each may what the ones before may.
enum class Role {
  kNone,      ///< nobody in particular: public routes only; no token has it
  kViewer,    ///< sees status, events and pictures
  kOperator,  ///< changes applications too
  kAdmin,     ///< everything
  kNode,      ///< a member of the fleet: the controller's routes for nodes, and links; sees nothing else
};

/// "none", "viewer", "operator", "admin", "node".
std::string_view to_string(Role role);
std::optional<Role> role_of(std::string_view word);
/// The roles that a token may have, by name.
const std::vector<std::string>& role_names();

/// Whether who has role `has` may what needs `needed`. An admin may also what a node may.
bool allows(Role has, Role needed);

/// Who sends a request.
struct Principal {
  std::string name;
  Role role = Role::kNone;
  std::string tenant;  ///< empty: of all tenants
  std::string token_id;  ///< empty: no token was needed
  Timestamp expires = Timestamp::max();

  bool may(Role needed) const { return allows(role, needed); }
  /// Whether what belongs to `owner` is this one's to see and, role permitting, to change.
  bool sees(std::string_view owner) const { return tenant.empty() || tenant == owner; }
};

}  // namespace vedette::net
