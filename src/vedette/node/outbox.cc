#include "vedette/node/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vedette::node {

template <typename T>
void Outbox::Pending<T>::add(T item, size_t most) {
  items.push_back(std::move(item));
  if (items.size() <= most) return;
  items.pop_front();
  if (riding > 0) {
    --riding;  // it may have arrived
  } else {
    ++lost;
  }
}

template <typename T>
void Outbox::Pending<T>::put_on(std::vector<T>& report, size_t most) {
  riding = std::min(items.size(), most);
  report.assign(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(riding));
}

template <typename T>
void Outbox::Pending<T>::forget_riding() {
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(riding));
  riding = 0;
  lost = 0;
}

void Outbox::add(plan::LogLine line) {
  const std::lock_guard lock(mutex_);
  lines_.add(std::move(line), most_lines_);
}

void Outbox::add(plan::Span span) {
  const std::lock_guard lock(mutex_);
  spans_.add(std::move(span), most_spans_);
}

void Outbox::fill(plan::NodeReport& report) {
  const std::lock_guard lock(mutex_);
  lines_.put_on(report.log, kLinesAReport);
  spans_.put_on(report.spans, kSpansAReport);
  if (lines_.lost > 0)
    report.log.insert(report.log.begin(), plan::LogLine{report.log.empty() ? 0 : report.log.front().time,
                                                        "warning",
                                                        report.node,
                                                        {},
                                                        fmt::format("{} older lines were lost here", lines_.lost)});
}

void Outbox::delivered() {
  const std::lock_guard lock(mutex_);
  lines_.forget_riding();
  spans_.forget_riding();
}

}  // namespace vedette::node
