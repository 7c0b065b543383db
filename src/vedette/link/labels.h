#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "vedette/frame/object.h"

namespace vedette::link {

/// Label tables travel once a connection; objects then name theirs by a number. Sending side.
class LabelNumbers {
 public:
  struct Answer {
    uint32_t id = 0;        ///< from 1
    bool is_new = false;    ///< the receiver has to be sent the table
    bool restarted = false; ///< there were too many: the receiver forgets all earlier ones
  };
  Answer number_of(const std::shared_ptr<const Labels>& labels);
  /// New tables were numbered and then not sent: begins again.
  void forget();

 private:
  std::vector<std::shared_ptr<const Labels>> known_;
  bool restart_ = false;
};

/// Receiving side.
class LabelTables {
 public:
  static constexpr size_t kMost = 256;
  static constexpr size_t kMostNames = 100'000;

  void restart() { tables_.clear(); }
  /// Throws ProtocolError unless `id` is the next one.
  void add(uint32_t id, Labels names);
  /// Null for 0. Throws ProtocolError for a number that was never sent.
  std::shared_ptr<const Labels> find(uint32_t id) const;

 private:
  std::vector<std::shared_ptr<const Labels>> tables_;
};

}  // namespace vedette::link
