#include "vedette/fleet/otlp.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/net/server.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

plan::Span span(const std::string& node, uint64_t sequence) {
  plan::Span out;
  out.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  out.span_id = "00f067aa0ba902b7";
  out.parent_id = sequence > 0 ? "b7ad6b7169203331" : "";
  out.name = "detect";
  out.kind = "execute";
  out.node = node;
  out.stage = "k";
  out.stream = "yard";
  out.sequence = sequence;
  out.start = 1'800'000'000.25;
  out.duration = 0.5;
  return out;
}

/// What a collector checks of an ExportTraceServiceRequest in JSON.
void expect_otlp(const json& body) {
  ASSERT_EQ(body["resourceSpans"].size(), 2u) << "one for each node";
  for (const json& resource : body["resourceSpans"]) {
    std::map<std::string, std::string> attributes;
    for (const json& one : resource["resource"]["attributes"]) attributes[one["key"]] = one["value"]["stringValue"];
    EXPECT_EQ(attributes["service.name"], "vedette");
    EXPECT_EQ(attributes["vedette.node"], attributes["service.instance.id"]);
    EXPECT_EQ(resource["scopeSpans"][0]["scope"]["name"], "vedette");
    for (const json& one : resource["scopeSpans"][0]["spans"]) {
      EXPECT_EQ(one["traceId"].get<std::string>().size(), 32u);
      EXPECT_EQ(one["spanId"], "00f067aa0ba902b7");
      EXPECT_EQ(one["startTimeUnixNano"], "1800000000250000000") << "a string, since JSON's numbers lose digits";
      EXPECT_EQ(one["endTimeUnixNano"], "1800000000750000000");
      EXPECT_EQ(one["kind"], 1);
      EXPECT_EQ(one["attributes"][3]["key"], "vedette.sequence");
      EXPECT_TRUE(one["attributes"][3]["value"]["intValue"].is_string());
      EXPECT_EQ(one.contains("parentSpanId"), one["attributes"][3]["value"]["intValue"] != "0");
    }
  }
}

struct Sink {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<std::string> bodies;
  int status = 200;

  net::Routes routes() {
    net::Routes out;
    out.add("POST", "/v1/traces", net::Role::kNone, [this](const net::Request& request, net::Response& response) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(request.header("Content-Type"), "application/json");
      bodies.push_back(request.body);
      net::answer_json(response, "{}", status);
      came.notify_all();
    });
    return out;
  }
  bool wait(size_t count) {
    std::unique_lock lock(mutex);
    return came.wait_for(lock, 20s, [&] { return bodies.size() >= count; });
  }
};

OtlpOptions to(const net::Server& server) {
  OtlpOptions options;
  options.endpoint = "http://127.0.0.1:" + std::to_string(server.port());
  options.pause = 5ms;
  return options;
}

TEST(Otlp, SpansReachACollectorAsItWantsThem) {
  Sink sink;
  net::Server server({}, sink.routes());
  {
    OtlpExporter exporter(to(server), "1.2");
    const std::vector<plan::Span> spans{span("box-1", 0), span("box-2", 7), span("box-1", 8)};
    exporter.offer(spans);
    ASSERT_TRUE(sink.wait(1));
  }
  expect_otlp(json::parse(sink.bodies[0]));
}

TEST(Otlp, WhatIsLeftGoesOutAtTheEndAndWhatIsTooMuchIsCounted) {
  Sink sink;
  net::Server server({}, sink.routes());
  OtlpOptions options = to(server);
  options.pause = 1h;
  options.queue_spans = 10;
  {
    OtlpExporter exporter(options, "1.2");
    exporter.offer(std::vector<plan::Span>(25, span("box-1", 1)));
    EXPECT_EQ(exporter.status().dropped_full, 15u);
  }
  ASSERT_EQ(sink.bodies.size(), 1u);
  EXPECT_EQ(json::parse(sink.bodies[0])["resourceSpans"][0]["scopeSpans"][0]["spans"].size(), 10u);
}

TEST(Otlp, ACollectorThatRefusesCostsTheBatchOnly) {
  Sink sink;
  sink.status = 503;
  net::Server server({}, sink.routes());
  OtlpExporter exporter(to(server), "1.2");
  exporter.offer(std::vector<plan::Span>(3, span("box-1", 1)));
  ASSERT_TRUE(sink.wait(1));
  exporter.offer(std::vector<plan::Span>(2, span("box-1", 1)));
  ASSERT_TRUE(sink.wait(2));
  while (exporter.status().dropped_refused < 5) std::this_thread::yield();
  EXPECT_EQ(exporter.status().sent, 0u);
  EXPECT_FALSE(exporter.status().last_error.empty());
}

TEST(Otlp, AWrongEndpointIsRefusedAtOnce) {
  OtlpOptions options;
  options.endpoint = "collector";
  EXPECT_THROW(OtlpExporter(options, "1"), Error);
}

}  // namespace
}  // namespace vedette::fleet
