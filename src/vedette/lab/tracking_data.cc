#include "vedette/lab/tracking_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "vedette/base/error.h"

namespace vedette::lab {
namespace {

double iou(const MotRow& a, const MotRow& b) {
  const double width = std::min(a.left + a.width, b.left + b.width) - std::max(a.left, b.left);
  const double height = std::min(a.top + a.height, b.top + b.height) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height;
  return common / (a.width * a.height + b.width * b.height - common);
}

/// Rows by frame, in file order; ids by dense index, in order of their value.
struct Side {
  std::map<int64_t, std::vector<const MotRow*>> frames;
  std::unordered_map<int64_t, size_t> index;
  std::vector<size_t> count;

  Side(const std::vector<MotRow>& rows, const std::string& name) {
    std::map<int64_t, size_t> counts;
    std::map<std::pair<int64_t, int64_t>, size_t> lines;
    for (const MotRow& row : rows) {
      if (row.id < 0) {
        throw Error(ErrorCode::kInvalidData, fmt::format("{}:{}: id {} is no track", name, row.line, row.id),
                    "tracking needs ids; use `vedette eval detection` for detections");
      }
      const auto [first, fresh] = lines.emplace(std::pair(row.frame, row.id), row.line);
      if (!fresh) {
        throw Error(ErrorCode::kInvalidData, fmt::format("{}:{}: id {} is in frame {} already, on line {}", name,
                                                         row.line, row.id, row.frame, first->second));
      }
      frames[row.frame].push_back(&row);
      ++counts[row.id];
    }
    for (const auto& [id, boxes] : counts) {
      index.emplace(id, count.size());
      count.push_back(boxes);
    }
  }
};

}  // namespace

TrackingData bring_together(std::vector<MotRow> truth, const std::vector<MotRow>& result, const std::string& truth_name,
                            const std::string& result_name) {
  truth = without_ignored(std::move(truth));
  if (truth.empty()) throw Error(ErrorCode::kInvalidData, fmt::format("{} has no box that counts", truth_name));
  Side truths(truth, truth_name), results(result, result_name);

  TrackingData data;
  data.truth_boxes = truth.size();
  data.result_boxes = result.size();
  data.truth_ids = truths.count.size();
  data.result_ids = results.count.size();
  data.truth_count = truths.count;
  data.result_count = results.count;
  for (const auto& [number, rows] : results.frames) truths.frames[number];
  for (const auto& [number, truth_rows] : truths.frames) {
    const auto found = results.frames.find(number);
    const std::vector<const MotRow*> result_rows =
        found == results.frames.end() ? std::vector<const MotRow*>() : found->second;
    TrackingFrame& frame = data.frames.emplace_back();
    for (const MotRow* row : truth_rows) frame.truth.push_back(truths.index.at(row->id));
    for (const MotRow* row : result_rows) frame.result.push_back(results.index.at(row->id));
    for (const MotRow* t : truth_rows) {
      for (const MotRow* r : result_rows) frame.overlap.push_back(iou(*t, *r));
    }
  }
  return data;
}

}  // namespace vedette::lab
