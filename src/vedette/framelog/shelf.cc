#include "vedette/framelog/shelf.h"

#include "vedette/base/error.h"

namespace vedette::framelog {

void Shelf::put(Item item) {
  const std::lock_guard lock(mutex_);
  const std::string camera = item.camera;
  if (!items_.emplace(camera, std::move(item)).second)
    throw Error(ErrorCode::kUsage, "camera '" + camera + "' is logged already in this process",
                "let applications share one log module, or give this one another 'camera'");
}

void Shelf::remove(const std::string& camera) {
  decltype(items_)::node_type gone;  // goes without the lock: a store writes to the disk when it ends
  const std::lock_guard lock(mutex_);
  gone = items_.extract(camera);
}

std::optional<Shelf::Item> Shelf::find(const std::string& camera) const {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(camera);
  return found == items_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Shelf::Item> Shelf::items() const {
  const std::lock_guard lock(mutex_);
  std::vector<Item> all;
  for (const auto& [camera, item] : items_) all.push_back(item);
  return all;
}

}  // namespace vedette::framelog
