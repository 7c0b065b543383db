#include "vedette/net/metric_families.h"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <unordered_map>

namespace vedette::net {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct MetricFamilies::Families {
  std::vector<MetricFamily> all;
  std::unordered_map<std::string, size_t> places;  // in `all`, by name

  ClientMetric& add(const std::string& name, const std::string& help, MetricType type, const Labels& labels) {
    const auto [place, is_new] = places.try_emplace(name, all.size());
    if (is_new) all.push_back({name, help, type, {}});
    ClientMetric& metric = all[place->second].metric.emplace_back();
    for (const auto& [key, value] : labels) metric.label.push_back({key, value});
    return metric;
  }
};

MetricFamilies::MetricFamilies() : families_(std::make_unique<Families>()) {}
MetricFamilies::~MetricFamilies() = default;

void MetricFamilies::counter(const std::string& name, const std::string& help, const Labels& labels, double value) {
  families_->add(name, help, MetricType::Counter, labels).counter.value = value;
}

void MetricFamilies::gauge(const std::string& name, const std::string& help, const Labels& labels, double value) {
  families_->add(name, help, MetricType::Gauge, labels).gauge.value = value;
}

void MetricFamilies::histogram(const std::string& name, const std::string& help, const Labels& labels,
                               const HistogramSnapshot& spans) {
  auto& to = families_->add(name, help, MetricType::Histogram, labels).histogram;
  to.sample_count = spans.count;
  to.sample_sum = spans.sum_seconds;
  spans.visit_octaves([&](double bound, uint64_t below) { to.bucket.push_back({below, bound}); });
}

void MetricFamilies::process() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  gauge("vedette_process_resident_memory_bytes", "Resident memory.", {},
        static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  counter("vedette_process_cpu_seconds_total", "CPU time, user and system.", {},
          seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

std::string MetricFamilies::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_->all);
  return std::move(out).str();
}

}  // namespace vedette::net
