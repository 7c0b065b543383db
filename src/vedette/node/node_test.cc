#include "vedette/node/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "vedette/graph/application.h"
#include "vedette/graph/registry.h"
#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using testing::FakeReporter;
using ::testing::HasSubstr;
using testing::kPatience;
using testing::TemporaryFolder;

/// What the sinks of these tests were given.
class Journal {
 public:
  void add(uint64_t sequence) {
    {
      const std::lock_guard lock(mutex_);
      sequences_.push_back(sequence);
    }
    changed_.notify_all();
  }
  std::vector<uint64_t> wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return sequences_.size() >= count; });
    return sequences_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint64_t> sequences_;
};

class Notes final : public graph::Module {
 public:
  struct Settings {
    bool broken = false;
    void fields(Fields& f) { f.flag("broken", broken, "cannot be started"); }
  };
  explicit Notes(const Settings& settings) : settings_(settings) {}
  void start(const graph::ModuleContext& context) override {
    if (settings_.broken) throw Error(ErrorCode::kNotFound, "no such thing");
    journal_ = context.service<Journal>();
  }
  void process(const Observation& observation, graph::Emit&) override {
    if (journal_) journal_->add(observation.frame().sequence);
  }

 private:
  const Settings settings_;
  Journal* journal_ = nullptr;
};
VEDETTE_MODULE(Notes, {.type = "test_notes",
                       .summary = "tells the test",
                       .concurrency = graph::Concurrency::kPerStream,
                       .reads = graph::Facet::kNone,
                       .adds = graph::Facet::kNone,
                       .sink = true});

constexpr size_t kFrames = 20;

class NodeTest : public ::testing::Test {
 public:
  void SetUp() override {
    const std::string command = "ffmpeg -nostdin -v error -y -f lavfi -i testsrc=size=64x48:rate=20 -frames:v " +
                                std::to_string(kFrames) + " -c:v mjpeg '" + folder.path("small.avi") + "'";
    if (std::system(command.c_str()) != 0) GTEST_SKIP() << "needs the ffmpeg program";
  }
  NodeOptions options(const std::string& name) const {
    NodeOptions options;
    options.name = name;
    options.state = folder.path(name);
    options.report_seconds = 0.05;
    options.move_seconds = 0.1;
    options.drain_seconds = 2;
    options.traces_per_second = 100;
    Faults faults;
    complete(options, faults);
    faults.throw_if_any();
    return options;
  }
  /// An application that notes every frame of a short video.
  plan::ApplicationWish application(const std::string& name, bool broken = false) const {
    return graph::wish_of(graph::parse_application(parse_config(
        "application: " + name + "\nsources:\n  - {name: " + name + "-cam, url: '" + folder.path("small.avi") +
            "', pacing: fast}\nmodules:\n  - {type: test_notes, broken: " + (broken ? "true" : "false") + "}\n",
        name + ".yaml")));
  }
  static plan::NodePlan plan_for(const std::vector<plan::ApplicationWish>& wishes, uint64_t version) {
    return plan::plan_for_one(wishes, "box-1", version);
  }
  static FakeReporter::Controller wants(plan::NodePlan plan) {
    return [plan = std::move(plan)](const plan::NodeReport& report) {
      Answer answer{.lease_seconds = 2, .plan = std::nullopt, .controller = "c-1"};
      if (report.plan_version != plan.version) answer.plan = plan;
      return answer;
    };
  }
  static Answer nobody(const plan::NodeReport&) { throw Error(ErrorCode::kUnavailable, "nobody is there"); }

  /// A node and the controller that it has.
  struct Running {
    Running(NodeOptions options, FakeReporter::Controller controller, Journal& journal) {
      auto owned = std::make_unique<FakeReporter>(std::move(controller));
      reporter = owned.get();
      node = std::make_unique<Node>(std::move(options), "1.2.3", std::move(owned));
      node->offer(journal);
    }
    FakeReporter* reporter;
    std::unique_ptr<Node> node;
  };

  TemporaryFolder folder;
  Journal journal;
};

std::vector<uint64_t> all_frames() {
  std::vector<uint64_t> frames;
  for (uint64_t i = 0; i < kFrames; ++i) frames.push_back(i);
  return frames;
}

TEST_F(NodeTest, RunsWhatItsControllerWantsAndReportsIt) {
  Running box(options("box-1"), wants(plan_for({application("yard")}, 3)), journal);
  box.node->start();
  EXPECT_EQ(journal.wait(kFrames), all_frames());
  const auto report = box.reporter->wait_for([](const auto& r) {
    return r.plan_state == "running" && r.stages.size() == 1 && r.stages[0].processed == kFrames;
  });
  EXPECT_EQ(report.plan_version, 3u);
  EXPECT_GT(report.speed, 0);
  ASSERT_EQ(report.streams.size(), 1u);
  EXPECT_EQ(report.streams[0].frames, kFrames);
  EXPECT_EQ(report.stages[0].type, "test_notes");
  ASSERT_EQ(report.applications.size(), 1u);
  EXPECT_EQ(report.applications[0].name, "yard");
  EXPECT_EQ(report.applications[0].delivered, kFrames);
  EXPECT_EQ(report.applications[0].latency.count, kFrames);
  box.reporter->wait_for([](const auto& r) { return !r.spans.empty(); });
  EXPECT_THAT(box.node->metrics(), HasSubstr("vedette_node_plan_version 3\n"));
  box.node->drain();
  box.node->stop();
}

TEST_F(NodeTest, StartsTheOthersWhenOneApplicationCannotBeStarted) {
  Running box(options("box-1"), wants(plan_for({application("yard"), application("gate", true)}, 3)), journal);
  box.node->start();
  const auto report = box.reporter->wait_for([](const auto& r) { return r.plan_state == "failed"; });
  EXPECT_EQ(report.plan_failed, std::vector<std::string>{"gate"});
  EXPECT_THAT(report.plan_error, HasSubstr("no such thing"));
  EXPECT_EQ(journal.wait(kFrames), all_frames());
}

TEST_F(NodeTest, GoesOnAfterARestartWithoutItsController) {
  {
    Running box(options("box-1"), wants(plan_for({application("yard")}, 3)), journal);
    box.node->start();
    journal.wait(kFrames);
    box.reporter->wait_for([](const auto& r) { return r.plan_version == 3 && r.plan_state == "running"; });
  }
  Journal again;
  Running box(options("box-1"), nobody, again);
  box.node->start();
  EXPECT_EQ(again.wait(kFrames), all_frames());
  EXPECT_FALSE(box.node->connected());
}

TEST_F(NodeTest, SendsToAnotherNode) {
  const auto idle_controller = [](const plan::NodeReport&) { return Answer{2, std::nullopt, "c-1"}; };
  Running source(options("box-1"), idle_controller, journal), sink(options("box-2"), idle_controller, journal);
  source.node->start();
  sink.node->start();
  const std::vector wishes{application("yard")};
  const auto shared = plan::share(wishes);
  plan::Placement placement;
  for (const auto& stream : shared.streams) placement[{plan::kSource, stream.key}] = "box-1";
  for (const auto& stage : shared.stages)
    for (const auto& stream : stage.streams) placement[{stage.key, stream}] = "box-2";
  const auto any = [](const auto&) { return true; };
  const auto plans = plan::node_plans(shared, wishes, placement, 5,
                                      {{"box-1", source.reporter->wait_for(any).link_addresses},
                                       {"box-2", sink.reporter->wait_for(any).link_addresses}});
  sink.reporter->become(wants(plans.at("box-2")));
  source.reporter->become(wants(plans.at("box-1")));
  EXPECT_EQ(journal.wait(kFrames), all_frames());
  const auto report = source.reporter->wait_for(
      [](const auto& r) { return r.links.size() == 1 && r.links[0].sent == kFrames && r.links[0].state == "up"; });
  EXPECT_EQ(report.links[0].peer, "box-2");
  const auto received = sink.reporter->wait_for([](const auto& r) {
    return r.links.size() == 1 && r.links[0].received == kFrames && r.applications.size() == 1 &&
           r.applications[0].delivered == kFrames;
  });
  EXPECT_EQ(received.applications[0].gaps, 0u);
  EXPECT_THAT(source.node->metrics(), HasSubstr("vedette_link_sent_total{peer=\"box-2\""));
  EXPECT_THAT(sink.node->metrics(), HasSubstr("vedette_link_received_total{peer=\"box-1\""));
}

TEST_F(NodeTest, IsRefusedWithoutAControllerOrWithAnothersFolder) {
  try {
    const Node lonely(options("box-1"), "1.2.3");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    EXPECT_THAT(e.line(), HasSubstr("knows no controller"));
  }
  Running box(options("box-1"), nobody, journal);
  EXPECT_THROW(Running(options("box-1"), nobody, journal), Error);
}

}  // namespace
}  // namespace vedette::node
