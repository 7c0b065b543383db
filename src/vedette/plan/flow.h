#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vedette/plan/sharing.h"

namespace vedette::plan {

/// Lists of numbers, one after the other in one array.
class Lists {
 public:
  std::span<const int> operator[](int i) const {
    const auto at = static_cast<size_t>(i);
    return std::span(values_).subspan(starts_[at], starts_[at + 1] - starts_[at]);
  }
  /// Turns (list, value) pairs into lists, keeping their order.
  static Lists of(size_t lists, const std::vector<std::pair<int, int>>& pairs);

 private:
  std::vector<size_t> starts_;
  std::vector<int> values_;
};

/// What is shared, as numbers: every point through which a stream passes, which points feed it, and which piece it is
/// in. Points stand from the sources to the sinks. Built in time proportional to the number of edges.
struct Flow {
  static constexpr int kNone = -1;

  struct Point {
    int stage = kNone;   ///< index in Shared::stages; kNone: a source
    int stream = kNone;  ///< index in Shared::streams
    int piece = kNone;
    bool pixels = false;  ///< this or anything behind it reads the picture
    bool crops = false;   ///< … the objects' pixels
  };
  struct Piece {
    int stage = kNone;   ///< kNone: a source
    int stream = kNone;  ///< kNone: all of its stage's
  };

  explicit Flow(const Shared& shared);

  std::vector<Point> points;
  std::vector<Piece> pieces;                  ///< sources first, then in the order of the stages
  std::vector<std::vector<int>> stage_streams;  ///< indices of streams, sorted, of each stage
  std::vector<int> first_point;               ///< of each stage
  Lists inputs;                               ///< points before a point
  Lists outputs;                              ///< points behind a point
  Lists piece_points;                         ///< points of a piece
};

}  // namespace vedette::plan
