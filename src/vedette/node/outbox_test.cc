#include "vedette/node/outbox.h"

#include <gtest/gtest.h>

namespace vedette::node {
namespace {

std::vector<std::string> texts(const plan::NodeReport& report) {
  std::vector<std::string> texts;
  for (const auto& line : report.log) texts.push_back(line.text);
  return texts;
}

plan::LogLine line(const std::string& text) { return {0, "info", "box-1", {}, text}; }

using Texts = std::vector<std::string>;

TEST(Outbox, CarriesLinesUntilAReportWasAnswered) {
  Outbox outbox;
  plan::NodeReport report;
  outbox.add(line("a"));
  outbox.fill(report);
  EXPECT_EQ(texts(report), Texts{"a"});
  outbox.add(line("b"));
  outbox.fill(report);  // the first one failed
  EXPECT_EQ(texts(report), (Texts{"a", "b"}));
  outbox.add(line("c"));
  outbox.delivered();
  outbox.fill(report);
  EXPECT_EQ(texts(report), Texts{"c"});
  outbox.delivered();
  outbox.fill(report);
  EXPECT_TRUE(report.log.empty());
}

TEST(Outbox, LetsTheOldestGoAndSaysHowMany) {
  Outbox outbox(3, 2);
  plan::NodeReport report;
  for (const char* text : {"a", "b", "c", "d", "e"}) outbox.add(line(text));
  outbox.fill(report);
  EXPECT_EQ(texts(report), (Texts{"2 older lines were lost here", "c", "d", "e"}));
  for (int i = 0; i < 5; ++i) {
    plan::Span span;
    span.sequence = static_cast<uint64_t>(i);
    outbox.add(span);
  }
  outbox.fill(report);
  ASSERT_EQ(report.spans.size(), 2u);
  EXPECT_EQ(report.spans[0].sequence, 3u);
}

TEST(Outbox, SendsALongQueueInPieces) {
  Outbox outbox;
  for (size_t i = 0; i < Outbox::kLinesAReport + 5; ++i) outbox.add(line(std::to_string(i)));
  plan::NodeReport report;
  outbox.fill(report);
  EXPECT_EQ(report.log.size(), Outbox::kLinesAReport);
  EXPECT_EQ(report.log.front().text, "0");
  outbox.delivered();
  outbox.fill(report);
  EXPECT_EQ(report.log.size(), 5u);
}

TEST(Outbox, KeepsCountWhenWhatRidesIsPushedOut) {
  Outbox outbox(2, 2);
  plan::NodeReport report;
  outbox.add(line("a"));
  outbox.add(line("b"));
  outbox.fill(report);
  outbox.add(line("c"));
  outbox.delivered();
  outbox.fill(report);
  EXPECT_EQ(texts(report), Texts{"c"});
}

}  // namespace
}  // namespace vedette::node
