#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/plan/report.h"

namespace vedette::node {

/// Log lines and spans on their way to the controller. They ride on each report until one was answered; what is too
/// much goes, oldest first, and a line says how many lines went. Thread-safe; fill() and delivered() are one thread's.
class Outbox {
 public:
  static constexpr size_t kLinesAReport = 200;  ///< so that a report stays far below what a controller takes
  static constexpr size_t kSpansAReport = 500;

  explicit Outbox(size_t most_lines = 1000, size_t most_spans = 4096)
      : most_lines_(most_lines), most_spans_(most_spans) {}

  void add(plan::LogLine line);
  void add(plan::Span span);
  /// Sets the report's log and spans.
  void fill(plan::NodeReport& report);
  /// The last report filled was answered.
  void delivered();

 private:
  template <typename T>
  struct Pending {
    std::deque<T> items;
    size_t riding = 0;  // of the oldest: on the last report
    uint64_t lost = 0;  // before the oldest, and nobody was told

    void add(T item, size_t most);
    void put_on(std::vector<T>& report, size_t most);
    void forget_riding();
  };

  const size_t most_lines_;
  const size_t most_spans_;
  std::mutex mutex_;
  Pending<plan::LogLine> lines_;
  Pending<plan::Span> spans_;
};

}  // namespace vedette::node
