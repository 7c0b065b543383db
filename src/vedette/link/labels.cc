#include "vedette/link/labels.h"

#include <string>
#include <utility>

#include "vedette/link/wire.h"

namespace vedette::link {

LabelNumbers::Answer LabelNumbers::number_of(const std::shared_ptr<const Labels>& labels) {
  for (size_t i = 0; i < known_.size(); ++i)
    if (known_[i] == labels) return {static_cast<uint32_t>(i + 1)};
  for (size_t i = 0; i < known_.size(); ++i)
    if (*known_[i] == *labels) return {static_cast<uint32_t>(i + 1)};
  const bool restarted = std::exchange(restart_, false) || known_.size() == LabelTables::kMost;
  if (restarted) known_.clear();
  known_.push_back(labels);
  return {static_cast<uint32_t>(known_.size()), true, restarted};
}

void LabelNumbers::forget() {
  known_.clear();
  restart_ = true;
}

void LabelTables::add(uint32_t id, Labels names) {
  if (id != tables_.size() + 1 || id > kMost)
    throw ProtocolError("label table " + std::to_string(id) + " is out of turn");
  if (names.size() > kMostNames)
    throw ProtocolError("a table of " + std::to_string(names.size()) + " labels; at most " +
                        std::to_string(kMostNames) + " are taken");
  tables_.push_back(std::make_shared<const Labels>(std::move(names)));
}

std::shared_ptr<const Labels> LabelTables::find(uint32_t id) const {
  if (id == 0) return nullptr;
  if (id > tables_.size()) throw ProtocolError("the unknown label table " + std::to_string(id));
  return tables_[id - 1];
}

}  // namespace vedette::link
