#include "vedette/plan/flow.h"

#include "vedette/base/error.h"

namespace vedette::plan {

Lists Lists::of(size_t lists, const std::vector<std::pair<int, int>>& pairs) {
  Lists out;
  out.starts_.assign(lists + 1, 0);
  for (const auto& [list, value] : pairs) ++out.starts_[static_cast<size_t>(list) + 1];
  for (size_t i = 0; i < lists; ++i) out.starts_[i + 1] += out.starts_[i];
  out.values_.resize(pairs.size());
  std::vector<size_t> next(out.starts_.begin(), out.starts_.end() - 1);
  for (const auto& [list, value] : pairs) out.values_[next[static_cast<size_t>(list)]++] = value;
  return out;
}

Flow::Flow(const Shared& shared) {
  std::unordered_map<std::string_view, int> stream_index;
  std::unordered_map<std::string_view, int> stage_index;
  std::vector<int> all_streams;
  for (int i = 0; const auto& stream : shared.streams) {
    stream_index.emplace(stream.key, i);
    all_streams.push_back(i);
    points.push_back({.stream = i, .piece = i});
    pieces.push_back({.stream = i});
    ++i;
  }

  std::vector<std::pair<int, int>> in;   // point, point before it
  std::vector<std::pair<int, int>> out;  // point, point behind it
  for (int i = 0; const auto& stage : shared.stages) {
    stage_index.emplace(stage.key, i);
    first_point.push_back(static_cast<int>(points.size()));
    auto& streams = stage_streams.emplace_back();
    streams.reserve(stage.streams.size());
    for (const auto& key : stage.streams) streams.push_back(stream_index.at(key));
    const bool global = stage.scope == Scope::kGlobal;
    if (global) pieces.push_back({.stage = i});
    for (const int stream : streams) {
      if (!global) pieces.push_back({.stage = i, .stream = stream});
      points.push_back({.stage = i,
                        .stream = stream,
                        .piece = static_cast<int>(pieces.size()) - 1,
                        .pixels = stage.reads_pixels,
                        .crops = stage.reads_crops});
    }
    for (const auto& input : stage.inputs) {
      const bool source = input == kSource;
      const auto found = source ? stage_index.end() : stage_index.find(input);
      VEDETTE_ASSERT(source || found != stage_index.end());
      const auto& before = source ? all_streams : stage_streams[static_cast<size_t>(found->second)];
      const int first = source ? 0 : first_point[static_cast<size_t>(found->second)];
      for (size_t a = 0, b = 0; a < before.size() && b < streams.size();) {  // both are sorted
        if (before[a] == streams[b]) {
          in.emplace_back(first_point.back() + static_cast<int>(b), first + static_cast<int>(a));
          out.emplace_back(first + static_cast<int>(a), first_point.back() + static_cast<int>(b));
        }
        before[a] <= streams[b] ? ++a : ++b;
      }
    }
    ++i;
  }
  inputs = Lists::of(points.size(), in);
  outputs = Lists::of(points.size(), out);
  for (int i = static_cast<int>(points.size()) - 1; i >= 0; --i) {
    auto& point = points[static_cast<size_t>(i)];
    for (const int behind : outputs[i]) {
      point.pixels |= points[static_cast<size_t>(behind)].pixels;
      point.crops |= points[static_cast<size_t>(behind)].crops;
    }
  }
  std::vector<std::pair<int, int>> of_piece;
  for (int i = 0; const auto& point : points) of_piece.emplace_back(point.piece, i++);
  piece_points = Lists::of(pieces.size(), of_piece);
}

}  // namespace vedette::plan
