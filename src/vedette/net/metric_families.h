#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/histogram.h"

namespace vedette::net {

/// What a program measured at one moment, for Prometheus' text exposition format 0.0.4. Samples of one name may be
/// added in any order: they come together, once, under the first one's help.
class MetricFamilies {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

  MetricFamilies();
  ~MetricFamilies();
  MetricFamilies(const MetricFamilies&) = delete;
  MetricFamilies& operator=(const MetricFamilies&) = delete;

  void counter(const std::string& name, const std::string& help, const Labels& labels, double value);
  void gauge(const std::string& name, const std::string& help, const Labels& labels, double value);
  /// In seconds, with a bucket for each octave from 1 µs.
  void histogram(const std::string& name, const std::string& help, const Labels& labels,
                 const HistogramSnapshot& spans);
  /// vedette_process_…: memory and CPU time of this process.
  void process();

  std::string text() const;

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace vedette::net
