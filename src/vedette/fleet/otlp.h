#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/net/tls.h"
#include "vedette/plan/report.h"

namespace vedette::fleet {

struct OtlpOptions {
  std::string endpoint;  ///< "http://host:4318": /v1/traces is added unless it has a path; empty: nothing is sent
  net::TlsFiles tls;     ///< of https
  std::string token;     ///< sent as bearer
  size_t queue_spans = 10'000;
  size_t batch_spans = 500;
  std::chrono::milliseconds pause{1'000};    ///< between batches that are not full
  std::chrono::milliseconds timeout{5'000};  ///< of one batch

  void fields(Fields& f);
};

/// Spans as an OpenTelemetry ExportTraceServiceRequest in JSON (OTLP 1.0 §"JSON Protobuf Encoding": ids as hexadecimal
/// digits, 64-bit numbers as strings). One resource for each node: service.name is vedette, service.instance.id and
/// vedette.node are the node's name.
std::string otlp_json(std::span<const plan::Span> spans, const std::string& version);

/// Sends sampled spans to a collector by OTLP/HTTP, from a thread of its own. What does not fit its queue, or a batch
/// that the collector does not take, is dropped and counted: traces are samples.
class OtlpExporter {
 public:
  /// Throws Error(kUsage | …) for a wrong endpoint or wrong TLS files.
  OtlpExporter(OtlpOptions options, std::string version);
  /// Sends what is left, for at most one timeout.
  ~OtlpExporter();

  void offer(std::span<const plan::Span> spans);

  struct Status {
    uint64_t sent = 0;
    uint64_t dropped_full = 0;
    uint64_t dropped_refused = 0;
    std::string last_error;
  };
  Status status() const;

 private:
  void run(std::stop_token stop);

  const OtlpOptions options_;
  const std::string version_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<plan::Span> queue_;
  Status status_;
  std::jthread thread_;
};

}  // namespace vedette::fleet
