// A stream whose producer dies on another node and goes on by another way: what is missing at those who live on is
// counted, once, wherever the producer runs next.
#include <gmock/gmock.h>

#include "vedette/graph/exchange.h"
#include "vedette/graph/executor.h"
#include "vedette/graph/stage_rig.h"
#include "vedette/graph/test_modules.h"

namespace vedette::graph {
namespace {

/// The links: what is imported is handed in by the test.
class Links final : public Exchange {
 public:
  std::shared_ptr<Inlet> open_export(const plan::Channel&, std::shared_ptr<const StreamInfo>, QueueOptions) override {
    ADD_FAILURE() << "nothing is exported here";
    return nullptr;
  }
  std::shared_ptr<void> open_import(const plan::Channel& channel, std::shared_ptr<const StreamInfo> stream,
                                    std::shared_ptr<Import> import) override {
    if (const auto before = imports.find(channel.node); before != imports.end()) before->second->sender_closed();
    streams[channel.node] = std::move(stream);
    return imports[channel.node] = std::move(import);
  }
  void set_peers(const std::map<std::string, std::vector<std::string>>&) override {}

  void deliver(const std::string& node, uint64_t first, uint64_t last) const {
    for (uint64_t n = first; n <= last; ++n) imports.at(node)->deliver(testing::make_observation(streams.at(node), n));
  }

  std::map<std::string, std::shared_ptr<Import>> imports;  // by the node that sends
  std::map<std::string, std::shared_ptr<const StreamInfo>> streams;
};

/// camera ─ t_decode ─ t_detect ─ jsonl; the camera and t_decode are on "camera", jsonl is here, on "sink".
class MovedTest : public ::testing::Test {
 public:
  MovedTest() {
    testing::register_test_modules();
    executor.connect(links);
  }
  /// What runs here when t_detect runs on this node.
  void detect_on(const std::string& node) { apply({wish("a", {"t_decode", "t_detect"})}, node); }
  void apply(const std::vector<plan::ApplicationWish>& wishes, const std::string& node) {
    const auto shared = plan::share(wishes);
    plan::Placement placement;
    for (const auto& stream : shared.streams) placement[{std::string(plan::kSource), stream.key}] = "camera";
    for (const auto& stage : shared.stages) {
      const std::string where = stage.type == "t_decode" ? "camera" : stage.sink ? "sink" : node;
      placement[{stage.key, ""}] = where;
      for (const auto& stream : stage.streams) placement[{stage.key, stream}] = where;
    }
    std::map<std::string, std::vector<std::string>> addresses;
    for (const char* name : {"camera", "sink", "box", "other"}) addresses[name] = {"unix:/none"};
    executor.apply(plan::node_plans(shared, wishes, placement, ++version, addresses).at("sink"));
  }
  static plan::ApplicationWish wish(const std::string& name, const std::vector<std::string>& types) {
    std::string text = "application: " + name + "\nsources: [{name: yard, url: yard.avi}]\nmodules:\n";
    for (const auto& type : types) text += "  - type: " + type + "\n";
    return wish_of(parse_application(parse_config(text + "  - type: jsonl\n", "test.yaml")));
  }
  /// Waits until everything that was delivered has come to the sinks.
  uint64_t gaps(uint64_t delivered) const {
    while (executor.status().front().modules.back().processed < delivered) std::this_thread::yield();
    return executor.status().front().gaps;
  }

  Links links;
  Executor executor{{.threads = 1}};
  uint64_t version = 0;
};

TEST_F(MovedTest, ToAnotherNode) {
  detect_on("box");
  links.deliver("box", 5, 9);
  detect_on("other");
  links.deliver("other", 13, 14);
  EXPECT_EQ(gaps(7), 3u);
}

TEST_F(MovedTest, ToThisNode) {
  detect_on("box");
  links.deliver("box", 5, 9);
  detect_on("sink");
  links.deliver("camera", 14, 15);
  EXPECT_EQ(gaps(7), 4u);
}

TEST_F(MovedTest, WhatWasMissingStaysCountedAndIsNotCountedAgain) {
  detect_on("box");
  links.deliver("box", 0, 1);
  detect_on("sink");
  links.deliver("camera", 4, 5);
  EXPECT_EQ(gaps(4), 2u);
  detect_on("other");
  links.deliver("other", 100, 101);
  EXPECT_EQ(gaps(6), 2u) << "what this node made itself until then is not missing";
  detect_on("box");
  links.deliver("box", 103, 103);
  EXPECT_EQ(gaps(7), 3u);
}

TEST_F(MovedTest, ANewCountOfTheCameraIsNoGap) {
  detect_on("box");
  links.deliver("box", 100, 101);
  detect_on("sink");
  links.deliver("camera", 0, 1);
  EXPECT_EQ(gaps(4), 0u);
}

TEST_F(MovedTest, WhoComesLaterMissesNothing) {
  const auto stays = wish("a", {"t_decode"});
  const auto comes = wish("b", {"t_decode", "t_detect"});
  apply({stays, comes}, "box");
  links.deliver("box", 5, 9);
  links.deliver("camera", 5, 9);
  EXPECT_EQ(gaps(5), 0u);
  apply({stays}, "box");
  apply({stays, comes}, "other");
  links.deliver("other", 500, 501);
  while (executor.status().back().modules.back().processed < 2) std::this_thread::yield();
  EXPECT_EQ(executor.status().back().gaps, 0u);
}

TEST_F(MovedTest, IsTheGapOfThoseWhoReadIt) {
  const auto reads = wish("b", {"t_decode", "t_detect"});
  const auto other = wish("a", {"t_decode"});
  apply({other, reads}, "box");
  links.deliver("box", 5, 9);
  apply({other, reads}, "sink");
  links.deliver("camera", 14, 15);
  EXPECT_EQ(gaps(2), 0u);
  while (executor.status().back().modules.back().processed < 7) std::this_thread::yield();
  EXPECT_EQ(executor.status().back().gaps, 4u);
}

}  // namespace
}  // namespace vedette::graph
