#include "vedette/fleet/event_log.h"

#include <gtest/gtest.h>

#include "vedette/fleet/trace_store.h"

namespace vedette::fleet {
namespace {

const auto kAll = [](const Event&) { return true; };

TEST(EventLog, GivesPagesAndForgetsTheOldest) {
  EventLog log(100);
  for (int i = 0; i < 150; ++i) log.add({1.0 * i, "info", "", "app", std::to_string(i)}, false);
  EXPECT_EQ(log.newest(), 150u);
  const auto last = log.read(EventLog::kNewest, 2, kAll);
  ASSERT_EQ(last.events.size(), 2u);
  EXPECT_EQ(last.events[1].line.text, "149");
  const auto from = log.read(0, 3, kAll);
  EXPECT_EQ(from.events.front().id, 51u);
  EXPECT_TRUE(log.read(150, 3, kAll).events.empty());
  EXPECT_EQ(log.read(149, 3, kAll).events.size(), 1u);
}

TEST(EventLog, ComesBackFromTheStoreAndUsesNoNumberTwice) {
  EventLog log;
  EXPECT_EQ(log.take_unsaved(), "");
  log.add({1, "info", "n", "a", "one \"quoted\""}, true);
  const std::string first = log.take_unsaved();
  log.add({2, "error", "n", "a", "two"}, false);
  const std::string second = log.take_unsaved();
  log.add({3, "error", "n", "a", "never stored"}, false);
  EventLog next;
  next.load(first);
  next.load("garbage");
  next.load("[{\"id\": \"x\"}, 5]");
  next.load(second);
  next.end_load();
  const auto page = next.read(0, 10, kAll);
  ASSERT_EQ(page.events.size(), 2u);
  EXPECT_EQ(page.events[0].line.text, "one \"quoted\"");
  EXPECT_TRUE(page.events[0].everybody);
  EXPECT_EQ(page.events[1].line.level, "error");
  EXPECT_EQ(next.take_unsaved(), "");
  EXPECT_GT(next.add({4, "info", "", "", "new"}, false), 3u);
}

plan::Span span(const std::string& trace, double start, const std::string& stage = "s") {
  plan::Span out;
  out.trace_id = std::string(32 - trace.size(), 'a') + trace;
  out.span_id = "0123456789abcdef";
  out.name = "detect";
  out.stage = stage;
  out.stream = "yard";
  out.start = start;
  out.duration = 0.5;
  return out;
}

TEST(TraceStore, PutsStepsTogetherAndForgetsTheOldest) {
  TraceStore store(2, 100);
  const std::vector<plan::Span> spans{span("1", 12), span("2", 20, "other"), span("1", 11), span("3", 30)};
  store.add(spans);
  const auto traces = store.newest(10, {});
  ASSERT_EQ(traces.size(), 2u) << "the first one went";
  EXPECT_EQ(traces[0].start, 30);
  const auto only = store.newest(10, {"other"});
  ASSERT_EQ(only.size(), 1u);
  EXPECT_EQ(only[0].start, 20);
  TraceStore two;
  two.add(spans);
  const auto first = two.newest(10, {}).back();
  EXPECT_EQ(first.start, 11);
  EXPECT_DOUBLE_EQ(first.duration, 1.5);
}

TEST(TraceStore, LeavesOutWhatIsNoSpan) {
  TraceStore store;
  std::vector<plan::Span> bad(5, span("1", 10));
  bad[0].trace_id = "xyz";
  bad[1].span_id = "0000000000000000";
  bad[2].start = -1;
  bad[3].duration = 1e9;
  bad[4].parent_id = "?";
  store.add(bad);
  EXPECT_TRUE(store.newest(10, {}).empty());
  EXPECT_EQ(store.refused(), 5u);
  store.add(std::vector<plan::Span>(1000, span("1", 10)));
  EXPECT_EQ(store.newest(1, {})[0].spans.size(), TraceStore::kMaxSpansOfOne);
}

}  // namespace
}  // namespace vedette::fleet
