#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vedette::plan {

/// Quantiles of the last ten seconds or so, in seconds.
struct Quantiles {
  uint64_t count = 0;
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
  double mean = 0;

  friend bool operator==(const Quantiles&, const Quantiles&) = default;
};

using Drops = std::map<std::string, uint64_t>;  ///< by reason, since it started

struct StreamReport {
  std::string key;
  std::string name;
  std::string state;   ///< "connecting", "streaming", "waiting", "ended", "failed"
  std::string last_error;
  double fps = 0;
  uint64_t frames = 0;
  uint64_t reconnects = 0;
  int width = 0;
  int height = 0;
  Drops dropped;

  friend bool operator==(const StreamReport&, const StreamReport&) = default;
};

struct StageReport {
  std::string key;
  std::string name;
  std::string type;
  std::vector<std::string> streams;  ///< keys, of those running here
  double fps = 0;          ///< observations a second, over all streams
  uint64_t received = 0;
  uint64_t processed = 0;
  uint64_t emitted = 0;
  uint64_t errors = 0;
  std::string last_error;
  uint64_t queue_depth = 0;
  uint64_t queue_capacity = 0;
  Drops dropped;
  Quantiles wait;
  Quantiles execution;     ///< of one observation
  double bytes_out = 0;    ///< of one observation on the wire without its picture; 0: not known

  friend bool operator==(const StageReport&, const StageReport&) = default;
};

struct ApplicationReport {
  std::string name;
  std::string state;       ///< "running", "draining", "failed", "finished"
  Quantiles latency;       ///< arrival at the source (wherever that is) to the end of its sinks here
  double fps = 0;          ///< delivered by its sinks here, for each stream: the least
  uint64_t delivered = 0;
  uint64_t gaps = 0;       ///< observations that links reported lost
  std::string last_error;

  friend bool operator==(const ApplicationReport&, const ApplicationReport&) = default;
};

struct LinkReport {
  std::string peer;
  std::string state;       ///< "connecting", "up", "waiting", "refused"
  std::string address;
  std::string last_error;
  double rtt_seconds = 0;
  double clock_offset_seconds = 0;
  double bytes_per_second = 0;  ///< what the link can carry, estimated
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t reconnects = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t gaps = 0;
  Quantiles serialise;
  Quantiles send;
  Quantiles receive;

  friend bool operator==(const LinkReport&, const LinkReport&) = default;
};

/// One line of the event log.
struct LogLine {
  double time = 0;          ///< Unix seconds
  std::string level;        ///< "info", "warning", "error"
  std::string node;         ///< empty: the controller
  std::string application;  ///< empty: of none
  std::string text;

  friend bool operator==(const LogLine&, const LogLine&) = default;
};

/// One step of one sampled frame (OpenTelemetry: a span).
struct Span {
  std::string trace_id;     ///< 32 hex digits
  std::string span_id;      ///< 16 hex digits
  std::string parent_id;    ///< 16 hex digits; empty for the root
  std::string name;         ///< "detect", "queue detect", "link cam-1 → box-2 send"
  std::string kind;         ///< "source", "wait", "execute", "serialise", "send", "receive"
  std::string node;
  std::string stage;        ///< key
  std::string stream;
  uint64_t sequence = 0;
  double start = 0;         ///< Unix seconds
  double duration = 0;      ///< seconds

  friend bool operator==(const Span&, const Span&) = default;
};

/// What a node says of itself, several times a second. It renews the node's lease.
struct NodeReport {
  std::string node;
  std::string epoch;        ///< another one after each start of the process
  std::string version;      ///< of the program
  int protocol = 1;         ///< of reports and plans
  std::map<std::string, std::string> labels;
  std::vector<std::string> link_addresses;
  std::string console;      ///< URL
  double cores = 0;         ///< that the process may use
  double cpu = 0;           ///< cores in use, by this process
  double machine_cpu = 0;   ///< … by everything on the machine
  double memory_bytes = 0;  ///< that the process may use
  double memory_used_bytes = 0;
  double speed = 1;         ///< of one core, against the reference (plan/profile.h)
  bool draining = false;
  bool ready = false;
  uint64_t plan_version = 0;
  std::string plan_state;   ///< "running", "applying", "failed"
  std::string plan_error;   ///< why it failed, one line
  std::vector<std::string> plan_failed;  ///< applications whose part could not be started
  std::vector<StreamReport> streams;
  std::vector<StageReport> stages;
  std::vector<ApplicationReport> applications;
  std::vector<LinkReport> links;
  std::vector<LogLine> log;   ///< since the last report that was answered
  std::vector<Span> spans;    ///< likewise

  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

/// JSON, for the wire. from_json throws Error(kInvalidData) with what is wrong and where; unknown keys are passed over,
/// so that a newer node is understood. A number that is none (NaN, infinity) is left out. Limits: 8 MiB, 16 levels.
std::string to_json(const NodeReport& report);
NodeReport node_report_from_json(const std::string& text);

}  // namespace vedette::plan
