#include "vedette/fleet/report_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "vedette/base/error.h"

namespace vedette::fleet {
namespace {

constexpr uint64_t kMaxVersion = uint64_t{1} << 53;  // what JSON keeps exactly

class Checker {
 public:
  explicit Checker(const plan::NodeReport& report) : report_(report) {}

  void run() {
    const auto& r = report_;
    if (!is_name(r.node)) fail("node", "'" + r.node.substr(0, 64) + "' is no name");
    text("epoch", r.epoch, 128);
    text("version", r.version, 64);
    text("console", r.console, 512);
    text("plan_state", r.plan_state, 32);
    text("plan_error", r.plan_error, 4096);
    number("cores", r.cores, 0, 4096);
    number("cpu", r.cpu, 0, 1e5);
    number("machine_cpu", r.machine_cpu, 0, 1e5);
    number("memory_bytes", r.memory_bytes, 0, 1e15);
    number("memory_used_bytes", r.memory_used_bytes, 0, 1e15);
    number("speed", r.speed, 1e-3, 1e3);
    if (r.plan_version > kMaxVersion) fail("plan_version", "is too large");
    size("labels", r.labels.size(), 64);
    for (const auto& [key, value] : r.labels) {
      text("labels", key, 128);
      text("labels", value, 128);
    }
    texts("link_addresses", r.link_addresses, 16, 256);
    texts("plan_failed", r.plan_failed, 10'000, 64);
    size("streams", r.streams.size(), 5'000);
    for (const auto& stream : r.streams) check(stream);
    size("stages", r.stages.size(), 20'000);
    for (const auto& stage : r.stages) check(stage);
    size("applications", r.applications.size(), 10'000);
    for (const auto& application : r.applications) check(application);
    size("links", r.links.size(), 5'000);
    for (const auto& link : r.links) check(link);
    size("log", r.log.size(), 2'000);
    for (const auto& line : r.log) check(line);
    size("spans", r.spans.size(), 20'000);
  }

 private:
  [[noreturn]] void fail(const std::string& field, const std::string& what) const {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("the report of '{}': {} {}", report_.node.substr(0, 64), field, what));
  }
  void number(const char* field, double value, double least, double most) const {
    if (!(value >= least && value <= most))
      fail(field, fmt::format("is {}, which is not from {} to {}", value, least, most));
  }
  void size(const char* field, size_t count, size_t most) const {
    if (count > most) fail(field, fmt::format("has {} entries, at most {} are read", count, most));
  }
  void text(const char* field, const std::string& value, size_t most) const {
    if (value.size() > most) fail(field, fmt::format("has {} bytes, at most {} are read", value.size(), most));
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 && c != '\t' && c != '\n'; }))
      fail(field, "has control characters");
  }
  void texts(const char* field, const std::vector<std::string>& values, size_t count, size_t most) const {
    size(field, values.size(), count);
    for (const auto& value : values) text(field, value, most);
  }
  void quantiles(const char* field, const plan::Quantiles& q) const {
    for (const double value : {q.p50, q.p95, q.p99, q.mean}) number(field, value, 0, 1e6);
  }
  void drops(const char* field, const plan::Drops& dropped) const {
    size(field, dropped.size(), 64);
    for (const auto& [reason, ignored] : dropped) text(field, reason, 64);
  }

  void check(const plan::StreamReport& s) const {
    text("streams.key", s.key, 64);
    text("streams.name", s.name, 64);
    text("streams.state", s.state, 32);
    text("streams.last_error", s.last_error, 4096);
    number("streams.fps", s.fps, 0, 1e6);
    drops("streams.dropped", s.dropped);
  }
  void check(const plan::StageReport& s) const {
    text("stages.key", s.key, 64);
    text("stages.name", s.name, 64);
    text("stages.type", s.type, 64);
    text("stages.last_error", s.last_error, 4096);
    texts("stages.streams", s.streams, 5'000, 64);
    number("stages.fps", s.fps, 0, 1e7);
    number("stages.bytes_out", s.bytes_out, 0, 1e12);
    quantiles("stages.wait", s.wait);
    quantiles("stages.execution", s.execution);
    drops("stages.dropped", s.dropped);
  }
  void check(const plan::ApplicationReport& a) const {
    text("applications.name", a.name, 64);
    text("applications.state", a.state, 32);
    text("applications.last_error", a.last_error, 4096);
    number("applications.fps", a.fps, 0, 1e7);
    quantiles("applications.latency", a.latency);
  }
  void check(const plan::LinkReport& l) const {
    text("links.peer", l.peer, 64);
    text("links.state", l.state, 32);
    text("links.address", l.address, 256);
    text("links.last_error", l.last_error, 4096);
    number("links.rtt_seconds", l.rtt_seconds, 0, 1e4);
    number("links.bytes_per_second", l.bytes_per_second, 0, 1e13);
    if (!std::isfinite(l.clock_offset_seconds)) fail("links.clock_offset_seconds", "is no number");
    for (const auto* q : {&l.serialise, &l.send, &l.receive}) quantiles("links", *q);
  }
  void check(const plan::LogLine& line) const {
    text("log.level", line.level, 16);
    text("log.application", line.application, 64);
    text("log.text", line.text, 8192);
    if (!std::isfinite(line.time)) fail("log.time", "is no number");
  }

  const plan::NodeReport& report_;
};

}  // namespace

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

void check_report(const plan::NodeReport& report) { Checker(report).run(); }

}  // namespace vedette::fleet
