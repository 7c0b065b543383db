#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/net/principal.h"

namespace vedette::broker {

/// Whether `text` matches a pattern in which '*' stands for any characters, '/' included. Linear in practice, quadratic
/// at most.
bool glob_matches(std::string_view glob, std::string_view text);

/// One line of access.yaml: who matches all of token, tenant and role may see the cameras of `cameras`.
struct AccessRule {
  std::string token = "*";   ///< glob over the token's name
  std::string tenant = "*";  ///< glob over the token's tenant
  std::string role = "*";    ///< "viewer", "operator", "admin", "node" or "*"
  std::vector<std::string> cameras;  ///< globs
  int max_side_px = 0;       ///< of the longer side; 0: as it was captured
  bool live = true;
  bool history = true;
  bool publish = false;

  void fields(Fields& f);
};

/// What somebody may do with a camera: the union of all rules that match.
struct Rights {
  bool live = false, history = false, publish = false;
  int max_side_px = 0;  ///< 0: no limit; meaningful when live or history
  bool any() const { return live || history || publish; }
};

/// Who may see which camera, at which quality, live or history:
///
///   rules:
///     - { tenant: "north", cameras: ["yard/*"], history: false, max_side_px: 640 }
///     - { token: "recorder-*", cameras: ["*"], publish: true }
///
/// Administrators and nodes (other brokers) may everything. Without rules: operators may everything, viewers may see
/// everything.
class Access {
 public:
  Access() = default;
  explicit Access(std::vector<AccessRule> rules) : rules_(std::move(rules)), given_(true) {}
  /// Throws Error(kNotFound | kInvalidConfig) with every fault of the file.
  static Access load(const std::string& path);

  Rights rights(const net::Principal& who, std::string_view camera) const;

  /// These throw Error(kPermissionDenied) in one line that says what the token may.
  void check_publish(const net::Principal& who, const std::string& camera) const;
  void check_subscribe(const net::Principal& who, const std::string& camera, bool history, uint32_t max_side_px) const;

 private:
  std::vector<AccessRule> rules_;
  bool given_ = false;
};

}  // namespace vedette::broker
