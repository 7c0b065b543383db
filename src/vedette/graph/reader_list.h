#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "vedette/graph/inlet.h"

namespace vedette::graph {

/// The readers of an outlet, as a list that is replaced and never changed: who took an observation up for the readers
/// of that moment hands it to just these. Pure; the owner guards it.
class ReaderList {
 public:
  std::shared_ptr<const Readers> now() const { return readers_; }

  void add(std::shared_ptr<Inlet> reader) {
    auto next = std::make_shared<Readers>(*readers_);
    next->push_back(std::move(reader));
    readers_ = std::move(next);
  }

  /// Null when it is not among them.
  std::shared_ptr<Inlet> remove(const Inlet& reader) {
    auto next = std::make_shared<Readers>(*readers_);
    const auto found = std::find_if(next->begin(), next->end(), [&](const auto& r) { return r.get() == &reader; });
    if (found == next->end()) return nullptr;
    auto removed = std::move(*found);
    next->erase(found);
    readers_ = std::move(next);
    return removed;
  }

  std::shared_ptr<const Readers> clear() { return std::exchange(readers_, std::make_shared<const Readers>()); }

 private:
  std::shared_ptr<const Readers> readers_ = std::make_shared<const Readers>();
};

}  // namespace vedette::graph
