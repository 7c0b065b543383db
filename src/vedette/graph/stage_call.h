#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/graph/stage.h"

/// What stage.cc and stage_call.cc hand to each other.
namespace vedette::graph {

struct Stage::Taken {
  Lane* lane;
  std::optional<Observation> observation;  // none: the stream's end, always the last of its batch
  MonotonicTime queued;                    // when it was put
  // Of the whole run of observations of this lane, in the first of them:
  std::shared_ptr<const Readers> readers{};
  uint64_t ticket = 0;  // kStateless
};

/// What a piece of work on one lane gave: observations to hand on, and the places reserved for them with each reader.
struct Stage::Result {
  std::shared_ptr<const Readers> readers;
  std::span<Observation> observations{};
  size_t places = 0;
  bool end = false;
  std::shared_ptr<Inlet> departing{};
};

/// Gathers what one call emits.
class Stage::Output final : public Emit {
 public:
  void operator()(Observation observation) override { observations.push_back(std::move(observation)); }
  void drop(std::string_view reason) override { drops.emplace_back(reason); }
  void clear() {
    observations.clear();
    drops.clear();
    processed = 0;
    execution = Duration(0);
    taken_ = 0;
  }

  /// What was emitted for a stream, in order; each only once.
  std::span<Observation> take(uint32_t stream) {
    const auto first = observations.begin() + static_cast<ptrdiff_t>(taken_);
    const auto last = std::stable_partition(first, observations.end(),
                                            [&](const Observation& o) { return o.stream().index == stream; });
    taken_ += static_cast<size_t>(last - first);
    return {first, last};
  }
  /// What was emitted for streams that nobody has taken yet.
  std::span<Observation> rest() { return std::span(observations).subspan(taken_); }

  std::vector<Observation> observations;
  std::vector<std::string> drops;
  size_t processed = 0;
  Duration execution{0};

 private:
  size_t taken_ = 0;
};

}  // namespace vedette::graph
