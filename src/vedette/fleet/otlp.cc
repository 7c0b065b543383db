#include "vedette/fleet/otlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/fleet/trace_store.h"
#include "vedette/net/client.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

constexpr int kSpanKindInternal = 1;

json attribute(const char* key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

/// Nanoseconds since the epoch. A double holds seconds of our time to a quarter of a microsecond.
std::string nanoseconds(double seconds) {
  const double whole = std::floor(seconds);
  return fmt::format("{}", static_cast<int64_t>(whole) * 1'000'000'000 + std::llround((seconds - whole) * 1e9));
}

json span_json(const plan::Span& span) {
  json attributes = json::array({attribute("vedette.kind", span.kind), attribute("vedette.stream", span.stream),
                                 attribute("vedette.stage", span.stage)});
  attributes.push_back({{"key", "vedette.sequence"}, {"value", {{"intValue", std::to_string(span.sequence)}}}});
  json out = {{"traceId", span.trace_id},
              {"spanId", span.span_id},
              {"name", span.name},
              {"kind", kSpanKindInternal},
              {"startTimeUnixNano", nanoseconds(span.start)},
              {"endTimeUnixNano", nanoseconds(span.start + span.duration)},
              {"attributes", std::move(attributes)}};
  if (!span.parent_id.empty()) out["parentSpanId"] = span.parent_id;
  return out;
}

/// The URL of the server and the path of the call.
std::pair<std::string, std::string> split(const std::string& endpoint) {
  const size_t scheme = endpoint.find("://");
  if (scheme == std::string::npos)
    throw Error(ErrorCode::kUsage, fmt::format("the OTLP endpoint '{}' is no URL", endpoint), "http://HOST:4318");
  const size_t slash = endpoint.find('/', scheme + 3);
  if (slash == std::string::npos || slash + 1 == endpoint.size()) return {endpoint.substr(0, slash), "/v1/traces"};
  return {endpoint.substr(0, slash), endpoint.substr(slash)};
}

net::Client client_of(const OtlpOptions& options) {
  return net::Client({.url = split(options.endpoint).first,
                      .peer = "OTLP collector",
                      .tls = options.tls,
                      .token = options.token,
                      .connect_timeout = options.timeout,
                      .total_timeout = options.timeout});
}

}  // namespace

void OtlpOptions::fields(Fields& f) {
  f.text("endpoint", endpoint,
         "collector of OpenTelemetry traces by OTLP/HTTP with JSON, http://HOST:4318; empty: none");
  f.group("tls", tls, "of https");
  f.text("token", token, "sent as bearer");
}

std::string otlp_json(std::span<const plan::Span> spans, const std::string& version) {
  std::map<std::string, json> by_node;
  for (const auto& span : spans) by_node.try_emplace(span.node, json::array()).first->second.push_back(span_json(span));
  json resources = json::array();
  for (auto& [node, list] : by_node) {
    json attributes = json::array({attribute("service.name", "vedette"), attribute("service.version", version),
                                   attribute("service.instance.id", node), attribute("vedette.node", node)});
    resources.push_back({{"resource", {{"attributes", std::move(attributes)}}},
                         {"scopeSpans", json::array({{{"scope", {{"name", "vedette"}, {"version", version}}},
                                                      {"spans", std::move(list)}}})}});
  }
  return json({{"resourceSpans", std::move(resources)}}).dump(-1, ' ', false, json::error_handler_t::replace);
}

OtlpExporter::OtlpExporter(OtlpOptions options, std::string version)
    : options_(std::move(options)), version_(std::move(version)) {
  client_of(options_);  // says what is wrong with the endpoint now
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

OtlpExporter::~OtlpExporter() {
  thread_.request_stop();
  thread_.join();
}

void OtlpExporter::offer(std::span<const plan::Span> spans) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& span : spans) {
      if (!is_sound(span)) continue;
      if (queue_.size() >= options_.queue_spans) {
        ++status_.dropped_full;
      } else {
        queue_.push_back(span);
      }
    }
    full = queue_.size() >= options_.batch_spans;
  }
  if (full) wake_.notify_one();
}

OtlpExporter::Status OtlpExporter::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void OtlpExporter::run(std::stop_token stop) {
  name_this_thread("otlp");
  net::Client client = client_of(options_);
  const std::string path = split(options_.endpoint).second;
  for (bool last = false; !last;) {
    std::vector<plan::Span> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, options_.pause, [&] { return queue_.size() >= options_.batch_spans; });
      last = stop.stop_requested();
      const size_t count = std::min(queue_.size(), options_.batch_spans);
      batch.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    if (batch.empty()) continue;
    std::string error;
    try {
      client.post(path, otlp_json(batch, version_));
    } catch (const Error& e) {
      error = e.line();
    }
    const std::lock_guard lock(mutex_);
    (error.empty() ? status_.sent : status_.dropped_refused) += batch.size();
    if (!error.empty() && status_.last_error.empty()) log::warn("traces are dropped: {}", error);
    status_.last_error = error;
  }
}

}  // namespace vedette::fleet
