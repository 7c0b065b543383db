#include "vedette/console/metrics.h"

#include <string>

#include "vedette/net/metric_families.h"

namespace vedette::console {
namespace {

using Families = net::MetricFamilies;
using Labels = Families::Labels;

void add_stream(Families& to, const std::string& application, const graph::StreamStatus& stream) {
  const Labels labels{{"application", application}, {"stream", stream.name}};
  to.counter("vedette_stream_frames_total", "Frames the source delivered.", labels, static_cast<double>(stream.frames));
  to.counter("vedette_stream_reconnects_total", "Times the source was opened again.", labels,
             static_cast<double>(stream.reconnects));
  to.gauge("vedette_stream_frames_per_second", "Frames a second over the last seconds.", labels, stream.fps);
  to.gauge("vedette_stream_up", "1 while frames come, else 0.", labels, stream.state == "streaming" ? 1 : 0);
  for (const auto& [reason, count] : stream.dropped) {
    Labels with_reason = labels;
    with_reason.emplace_back("reason", reason);
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
    with_reason.emplace_back("reason", reason);
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
  families.process();
  return families.text();
}

}  // namespace vedette::console
