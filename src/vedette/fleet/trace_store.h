#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "vedette/plan/report.h"

namespace vedette::fleet {

/// The steps of one sampled frame, of all nodes it came through.
struct Trace {
  std::string trace_id;
  std::string stream;
  uint64_t sequence = 0;
  double start = 0;     ///< Unix seconds, of its first step
  double duration = 0;  ///< seconds, to the end of its last
  std::vector<plan::Span> spans;  ///< by start
};

/// Puts spans together by trace. Bounded: the traces that began to come first go first. Thread-safe.
class TraceStore {
 public:
  explicit TraceStore(size_t max_traces = 2000, size_t max_spans = 60'000)
      : max_traces_(max_traces), max_spans_(max_spans) {}

  /// Spans whose ids are no ids, or whose times are no times, are left out; so are those beyond kMaxSpansOfOne.
  static constexpr size_t kMaxSpansOfOne = 500;
  void add(std::span<const plan::Span> spans);
  /// Newest first; only those with a span on one of `stages` or a stream, unless that is empty.
  std::vector<Trace> newest(size_t limit, const std::vector<std::string>& stages) const;
  uint64_t refused() const;

 private:
  const size_t max_traces_, max_spans_;
  mutable std::mutex mutex_;
  std::map<std::string, Trace> traces_;
  std::deque<std::string> order_;
  size_t spans_ = 0;
  uint64_t refused_ = 0;
};

/// Whether a span can be told to others: 32 and 16 hexadecimal digits not all zero, finite times.
bool is_sound(const plan::Span& span);

}  // namespace vedette::fleet
