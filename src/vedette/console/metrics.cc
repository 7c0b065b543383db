#include "vedette/console/metrics.h"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace vedette::console {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void counter(const std::string& name, const std::string& help, Labels labels, double value) {
    add(name, help, MetricType::Counter, std::move(labels)).counter.value = value;
  }
  void gauge(const std::string& name, const std::string& help, Labels labels, double value) {
    add(name, help, MetricType::Gauge, std::move(labels)).gauge.value = value;
  }
  void histogram(const std::string& name, const std::string& help, Labels labels, const HistogramSnapshot& spans) {
    auto& to = add(name, help, MetricType::Histogram, std::move(labels)).histogram;
    to.sample_count = spans.count;
    to.sample_sum = spans.sum_seconds;
    spans.visit_octaves([&](double bound, uint64_t below) { to.bucket.push_back({below, bound}); });
  }
  const std::vector<MetricFamily>& all() const { return families_; }

 private:
  ClientMetric& add(const std::string& name, const std::string& help, MetricType type, Labels labels) {
    auto found =
        std::find_if(families_.begin(), families_.end(), [&](const auto& family) { return family.name == name; });
    if (found == families_.end()) found = families_.insert(families_.end(), {name, help, type, {}});
    ClientMetric metric;
    metric.label = std::move(labels);
    return found->metric.emplace_back(std::move(metric));
  }
  std::vector<MetricFamily> families_;
};

void add_stream(Families& to, const std::string& application, const graph::StreamStatus& stream) {
  const Labels labels{{"application", application}, {"stream", stream.name}};
  to.counter("vedette_stream_frames_total", "Frames the source delivered.", labels, static_cast<double>(stream.frames));
  to.counter("vedette_stream_reconnects_total", "Times the source was opened again.", labels,
             static_cast<double>(stream.reconnects));
  to.gauge("vedette_stream_frames_per_second", "Frames a second over the last seconds.", labels, stream.fps);
  to.gauge("vedette_stream_up", "1 while frames come, else 0.", labels, stream.state == "streaming" ? 1 : 0);
  for (const auto& [reason, count] : stream.dropped) {
    Labels with_reason = labels;
    with_reason.push_back({"reason", reason});
    to.counter("vedette_stream_dropped_total", "Frames lost before the first module.", with_reason,
               static_cast<double>(count));
  }
}

void add_module(Families& to, const std::string& application, const graph::ModuleStatus& module) {
  const Labels labels{{"application", application}, {"module", module.name}};
  to.counter("vedette_module_received_total", "Observations put into the queue.", labels,
             static_cast<double>(module.received));
  to.counter("vedette_module_processed_total", "Observations processed.", labels,
             static_cast<double>(module.processed));
  to.counter("vedette_module_emitted_total", "Observations handed on.", labels, static_cast<double>(module.emitted));
  to.counter("vedette_module_errors_total", "Observations lost to an error.", labels,
             static_cast<double>(module.errors));
  for (const auto& [reason, count] : module.dropped) {
    Labels with_reason = labels;
    with_reason.push_back({"reason", reason});
    to.counter("vedette_module_dropped_total", "Observations dropped, by reason.", with_reason,
               static_cast<double>(count));
  }
  to.gauge("vedette_module_queue_depth", "Observations in the queue, over all streams.", labels,
           static_cast<double>(module.queue_depth));
  to.gauge("vedette_module_queue_capacity", "Observations the queue holds for each stream.", labels,
           static_cast<double>(module.queue_capacity));
  to.histogram("vedette_module_wait_seconds", "Time in the queue.", labels, module.wait);
  to.histogram("vedette_module_execution_seconds", "Time in the module.", labels, module.execution);
}

void add_log(Families& to, const framelog::Shelf::Item& item) {
  const Labels labels{{"application", item.application}, {"camera", item.camera}};
  const auto log = item.log->stats();
  to.counter("vedette_log_appended_frames_total", "Frames taken into the log.", labels,
             static_cast<double>(log.appended));
  to.gauge("vedette_log_frames", "Frames kept in memory.", labels, static_cast<double>(log.frames));
  to.gauge("vedette_log_memory_bytes", "Memory of the log.", labels, static_cast<double>(log.memory_bytes));
  if (!item.store) return;
  const auto store = item.store->stats();
  to.gauge("vedette_log_store_trouble", "1 while nothing can be stored, else 0; the reason is in /api/logs.", labels,
           store.trouble ? 1 : 0);
  to.counter("vedette_log_stored_frames_total", "Frames written to disk.", labels,
             static_cast<double>(store.persisted_frames));
  to.counter("vedette_log_lost_frames_total", "Frames that left memory before they could be written.", labels,
             static_cast<double>(store.lost_frames));
  to.counter("vedette_log_removed_frames_total", "Frames removed from disk by age or size.", labels,
             static_cast<double>(store.removed_frames));
  to.gauge("vedette_log_disk_bytes", "Size of the log's files.", labels, static_cast<double>(store.file_bytes));
  to.gauge("vedette_log_disk_segments", "Files of the log.", labels, static_cast<double>(store.files));
  to.gauge("vedette_log_bad_files", "Files found torn or tampered with.", labels, static_cast<double>(store.bad_files));
}

void add_process(Families& to) {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  to.gauge("vedette_process_resident_memory_bytes", "Resident memory.", {},
           static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  to.counter("vedette_process_cpu_seconds_total", "CPU time, user and system.", {},
             seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

}  // namespace

std::string metrics_text(const std::vector<graph::ApplicationStatus>& status, const live::HubStats& hub,
                         const std::vector<framelog::Shelf::Item>& logs) {
  Families families;
  for (const auto& application : status) {
    const Labels labels{{"application", application.name}};
    families.gauge("vedette_application_running", "1 while the application runs, else 0.", labels,
                   application.state == "running" ? 1 : 0);
    if (application.objective_latency_p95_ms > 0) {
      families.gauge("vedette_application_latency_objective_seconds", "Wanted 95th percentile of the latency.", labels,
                     application.objective_latency_p95_ms / 1e3);
    }
    families.histogram("vedette_application_latency_seconds", "Arrival of a frame to the end of a sink.", labels,
                       application.latency);
    for (const auto& stream : application.streams) add_stream(families, application.name, stream);
    for (const auto& module : application.modules) add_module(families, application.name, module);
  }
  for (const auto& item : logs) add_log(families, item);
  families.gauge("vedette_console_viewers", "Open live views.", {}, static_cast<double>(hub.viewers));
  families.counter("vedette_console_lost_observations_total", "Observations that viewers were too slow for.", {},
                   static_cast<double>(hub.lost_observations));
  add_process(families);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families.all());
  return std::move(out).str();
}

}  // namespace vedette::console
