#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vedette/framelog/store.h"

namespace vedette::framelog {

/// The logs that are written in this process, by camera: the `log` sink puts them here, the console, the broker and
/// sources of "log://local/CAMERA" look them up. Thread-safe.
class Shelf {
 public:
  struct Item {
    std::string camera;
    std::shared_ptr<Log> log;
    std::shared_ptr<Store> store;  ///< null: kept in memory only
    std::string application{};     ///< whose frames they are; empty: nobody's, shown to who may see all tenants
  };

  /// Throws Error(kUsage) when the camera's log is here already: two writers would mix their frames.
  void put(Item item);
  /// Does nothing when it is not here.
  void remove(const std::string& camera);
  std::optional<Item> find(const std::string& camera) const;
  /// By name.
  std::vector<Item> items() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Item> items_;
};

}  // namespace vedette::framelog
