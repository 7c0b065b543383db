#include "vedette/fleet/trace_store.h"

#include <algorithm>
#include <cmath>

namespace vedette::fleet {
namespace {

bool is_id(const std::string& text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos &&
         text.find_first_not_of('0') != std::string::npos;
}

void finish(Trace& trace) {
  std::stable_sort(trace.spans.begin(), trace.spans.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
  trace.start = trace.spans.front().start;
  double end = trace.start;
  for (const auto& span : trace.spans) end = std::max(end, span.start + span.duration);
  trace.duration = end - trace.start;
}

}  // namespace

bool is_sound(const plan::Span& span) {
  constexpr double kLatest = 4e9, kLongest = 3600;  // the year 2096; an hour
  return is_id(span.trace_id, 32) && is_id(span.span_id, 16) && (span.parent_id.empty() || is_id(span.parent_id, 16)) &&
         span.start >= 0 && span.start < kLatest && span.duration >= 0 && span.duration < kLongest &&
         span.name.size() <= 256 && span.stage.size() <= 64 && span.stream.size() <= 256;
}

void TraceStore::add(std::span<const plan::Span> spans) {
  const std::lock_guard lock(mutex_);
  for (const plan::Span& span : spans) {
    if (!is_sound(span)) {
      ++refused_;
      continue;
    }
    const auto [at, added] = traces_.try_emplace(span.trace_id);
    Trace& trace = at->second;
    if (added) {
      trace.trace_id = span.trace_id;
      order_.push_back(span.trace_id);
    }
    if (trace.spans.size() >= kMaxSpansOfOne) {
      ++refused_;
      continue;
    }
    if (trace.stream.empty()) trace.stream = span.stream;
    if (trace.sequence == 0) trace.sequence = span.sequence;
    trace.spans.push_back(span);
    ++spans_;
  }
  while (!order_.empty() && (traces_.size() > max_traces_ || spans_ > max_spans_)) {
    const auto oldest = traces_.find(order_.front());
    spans_ -= oldest->second.spans.size();
    traces_.erase(oldest);
    order_.pop_front();
  }
}

std::vector<Trace> TraceStore::newest(size_t limit, const std::vector<std::string>& stages) const {
  std::vector<Trace> found;
  {
    const std::lock_guard lock(mutex_);
    for (auto id = order_.rbegin(); id != order_.rend() && found.size() < limit; ++id) {
      const Trace& trace = traces_.at(*id);
      if (trace.spans.empty()) continue;
      const bool wanted = stages.empty() || std::any_of(trace.spans.begin(), trace.spans.end(), [&](const auto& span) {
                            return std::find(stages.begin(), stages.end(), span.stage) != stages.end();
                          });
      if (wanted) found.push_back(trace);
    }
  }
  for (Trace& trace : found) finish(trace);
  return found;
}

uint64_t TraceStore::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace vedette::fleet
