#include "vedette/node/chronicle.h"

#include <gtest/gtest.h>

namespace vedette::node {
namespace {

using std::chrono::seconds;

/// A chronicle of node box-1, whose stream cam is used by yard and gate and whose module see by yard.
class ChronicleTest : public ::testing::Test {
 public:
  ChronicleTest() {
    report.node = "box-1";
    plan.streams = {{.key = "s", .name = "cam", .settings = {}, .pin = {}, .fps = 0, .users = {"gate", "yard"}}};
    plan::Stage see;
    see.key = "k";
    see.users = {{"yard", "see"}, {"yard", "see-too"}};
    plan.stages = {see};
  }
  /// "application|level|text" of each line, after so many seconds.
  std::vector<std::string> look(int second) {
    std::vector<std::string> lines;
    for (const auto& line :
         chronicle.look(report, plan, MonotonicTime{seconds(second)}, Timestamp{seconds(1000 + second)})) {
      EXPECT_EQ(line.node, "box-1");
      EXPECT_EQ(line.time, 1000.0 + second);
      lines.push_back(line.application + "|" + line.level + "|" + line.text);
    }
    return lines;
  }
  void set_stream(const std::string& state, const std::string& error = {}) {
    plan::StreamReport stream;
    stream.key = "s";
    stream.name = "cam";
    stream.state = state;
    stream.last_error = error;
    report.streams = {stream};
  }

  Chronicle chronicle;
  plan::NodeReport report;
  plan::NodePlan plan;
};
using Lines = std::vector<std::string>;

TEST_F(ChronicleTest, TellsEachUserWhatBecomesOfAStream) {
  set_stream("connecting");
  EXPECT_EQ(look(0), Lines{});
  set_stream("streaming");
  EXPECT_EQ(look(1), (Lines{"gate|info|stream cam: streaming", "yard|info|stream cam: streaming"}));
  EXPECT_EQ(look(2), Lines{});
  set_stream("waiting", "no route");
  EXPECT_EQ(look(3),
            (Lines{"gate|warning|stream cam: waiting: no route", "yard|warning|stream cam: waiting: no route"}));
  set_stream("connecting");
  EXPECT_EQ(look(4), Lines{});
  set_stream("waiting", "no route");
  EXPECT_EQ(look(5), Lines{}) << "still away";
  set_stream("failed", "bad URL");
  EXPECT_EQ(look(6), (Lines{"gate|error|stream cam: failed: bad URL", "yard|error|stream cam: failed: bad URL"}));
}

TEST_F(ChronicleTest, TellsOfErrorsAtOnceAndThenEachTenSeconds) {
  plan::StageReport stage;
  stage.key = "k";
  stage.name = "see";
  stage.errors = 1;
  stage.last_error = "no tensor";
  report.stages = {stage};
  EXPECT_EQ(look(0), Lines{"yard|warning|module see: 1 observation lost to an error: no tensor"});
  report.stages[0].errors = 40;
  EXPECT_EQ(look(5), Lines{});
  report.stages[0].errors = 80;
  EXPECT_EQ(look(10), Lines{"yard|warning|module see: 79 observations lost to an error: no tensor"});
  EXPECT_EQ(look(30), Lines{});
  report.stages[0].errors = 2;  // it was started anew
  EXPECT_EQ(look(40), Lines{"yard|warning|module see: 2 observations lost to an error: no tensor"});
}

TEST_F(ChronicleTest, TellsAnApplicationOfItsGaps) {
  plan::ApplicationReport yard;
  yard.name = "yard";
  yard.gaps = 12;
  report.applications = {yard};
  EXPECT_EQ(look(0), Lines{"yard|warning|12 observations lost on the way between nodes"});
  EXPECT_EQ(look(20), Lines{});
}

TEST_F(ChronicleTest, TellsOfLinksThatComeAndGo) {
  plan::LinkReport link;
  link.peer = "box-2";
  link.state = "connecting";
  report.links = {link};
  EXPECT_EQ(look(0), Lines{});
  report.links[0].state = "up";
  report.links[0].address = "tcp://10.0.0.2:7400";
  EXPECT_EQ(look(1), Lines{"|info|link to box-2: up over tcp://10.0.0.2:7400"});
  report.links[0].state = "waiting";
  report.links[0].last_error = "refused";
  EXPECT_EQ(look(2), Lines{"|warning|link to box-2: waiting: refused"});
  report.links.clear();
  EXPECT_EQ(look(3), Lines{});
}

}  // namespace
}  // namespace vedette::node
