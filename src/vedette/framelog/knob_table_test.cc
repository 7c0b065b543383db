#include "vedette/framelog/knob_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

std::string said(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& error) {
    return error.line();
  }
  return "nothing";
}

std::filesystem::path shared_tables() {
  const char* set = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path root = set ? set : std::filesystem::path(VEDETTE_SOURCE_DIR) / ".." / "shared";
  return root / "data" / "knob-tables";
}

TEST(KnobTable, ReadsOurCsvInAnyOrderOfColumns) {
  const auto table = KnobTable::parse_csv(
                         "f1,id,name,bytes_mean,bytes_p95,cost_ms,infer_ms,note\r\n"
                         "1.0,7,full,600000,700000,4.5,40,x\n"
                         "# a comment\n"
                         "0.97,9,\"small\",100000,120000,2,8,y\n",
                         "t.csv")
                         .rows()
                         .size();
  EXPECT_EQ(table, 2U);
}

TEST(KnobTable, SortsBySizeAndFillsP95In) {
  const auto table = KnobTable::parse_csv("id,bytes_mean,f1\n7,600000,1\n9,100000,0.97\n", "t.csv");
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(table.rows()[0].id, 9U);
  EXPECT_DOUBLE_EQ(table.rows()[0].bytes_p95, 110000);
  EXPECT_EQ(table.best(), 1U);
  EXPECT_EQ(table.index_of(7), 1U);
  EXPECT_EQ(table.index_of(8), KnobTable::npos);
}

TEST(KnobTable, JsonAndCsvGiveTheSame) {
  const auto csv = KnobTable::parse_csv("id,bytes_mean,f1,infer_ms,kept\n4,5000,0.5,3,0.25\n", "t.csv");
  const auto json = KnobTable::parse_json(
      R"({"combinations":[{"id":4,"name":"n","bytes_mean":5000,"f1":0.5,"infer_ms":3,"kept":0.25}]})", "t.json");
  EXPECT_EQ(json.rows()[0].id, csv.rows()[0].id);
  EXPECT_EQ(json.rows()[0].infer_ms, csv.rows()[0].infer_ms);
  EXPECT_DOUBLE_EQ(json.rows()[0].load_bytes(), 1250);
  EXPECT_EQ(json.rows()[0].name, "n");
}

TEST(KnobTable, FrontierLeavesOutWhatAnotherBeats) {
  // 2 is larger and worse than 1; 3 is as good as 4 and smaller; 5 infers faster at the price of bytes.
  const auto table = KnobTable::parse_csv(
      "id,bytes_mean,f1,infer_ms\n1,100,0.9,10\n2,200,0.8,10\n3,300,1.0,10\n4,400,1.0,10\n5,500,0.95,1\n", "t.csv");
  std::vector<uint32_t> ids;
  for (const size_t row : table.frontier()) ids.push_back(table.rows()[row].id);
  EXPECT_EQ(ids, (std::vector<uint32_t>{1, 3, 5}));
}

TEST(KnobTable, WhatIsTooSlowForLiveFramesIsNotOnTheFrontier) {
  const auto table =
      KnobTable::parse_csv("id,bytes_mean,f1,live\n1,100,0.9,no\n2,200,0.8,yes\n3,300,1.0,yes\n", "t.csv");
  ASSERT_EQ(table.frontier().size(), 2U);
  EXPECT_EQ(table.rows()[table.frontier()[0]].id, 2U);
}

TEST(KnobTable, OneOfTwoEqualRowsStays) {
  const auto table = KnobTable::parse_csv("id,bytes_mean,f1\n1,100,0.9\n2,100,0.9\n", "t.csv");
  EXPECT_EQ(table.frontier().size(), 1U);
}

TEST(KnobTable, MezTablesAreNormalisedToTheUntouchedFrames) {
  const auto table =
      KnobTable::parse_csv("1100,231609.2,0.40637,0.7,0.28,99,0.02\n500,965715.3,0.41989,0.67,0.3,90\n", "mez.csv");
  EXPECT_NEAR(table.rows()[0].f1, 0.9678, 1e-3);
  EXPECT_DOUBLE_EQ(table.rows()[1].f1, 1);
  EXPECT_NEAR(table.rows()[1].kept, 90.0 / 99, 1e-9);
}

TEST(KnobTable, EveryTableOfMezLoads) {
  if (!std::filesystem::exists(shared_tables())) GTEST_SKIP() << "no " << shared_tables();
  size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared_tables())) {
    if (entry.path().extension() != ".csv") continue;
    const auto table = KnobTable::load(entry.path());
    ++tables;
    EXPECT_EQ(table.rows()[table.best()].f1, 1) << entry.path();
    EXPECT_EQ(table.rows()[table.best()].id, 500U) << entry.path();
    // F1 along the frontier rises with size, though it does not in the table.
    double before = 0;
    for (const size_t row : table.frontier()) {
      if (table.rows()[row].kept < 1) continue;
      EXPECT_GT(table.rows()[row].f1, before);
      before = table.rows()[row].f1;
    }
  }
  EXPECT_EQ(tables, 6U);
}

TEST(KnobTable, RefusesWithTheLine) {
  const auto csv = [](const std::string& text) { return said([&] { KnobTable::parse_csv(text, "t.csv"); }); };
  EXPECT_NE(csv("id,bytes_mean,f1\n1,x,0.5\n").find("t.csv:2: 'x' is not a number"), std::string::npos);
  EXPECT_NE(csv("id,size,f1\n1,2,0.5\n").find("t.csv:1: the header names no id"), std::string::npos);
  EXPECT_NE(csv("id,bytes_mean,f1\n1,2\n").find("t.csv:2: 2 columns where the header has 3"), std::string::npos);
  EXPECT_NE(csv("id,bytes_mean,f1\n1,nan,0.5\n").find("not a number"), std::string::npos);
  EXPECT_NE(csv("id,bytes_mean,f1\n1,-5,0.5\n").find("bytes_mean"), std::string::npos);
  EXPECT_NE(csv("id,bytes_mean,f1\n1,5,0.5\n1,6,0.5\n").find("twice"), std::string::npos);
  EXPECT_NE(csv("id,bytes_mean,f1,kept\n1,5,0.5,0\n").find("kept"), std::string::npos);
  EXPECT_NE(csv("").find("no combinations"), std::string::npos);
  EXPECT_NE(csv("id,bytes_mean,f1\n99999999999,5,0.5\n").find("whole"), std::string::npos);
  EXPECT_NE(csv("500,1,2\n").find("6 columns"), std::string::npos);
  const auto json = [](const std::string& text) { return said([&] { KnobTable::parse_json(text, "t.json"); }); };
  EXPECT_NE(json("{").find("not JSON"), std::string::npos);
  EXPECT_NE(json("3").find("array"), std::string::npos);
  EXPECT_NE(json("[3]").find("not an object"), std::string::npos);
  EXPECT_NE(json(R"([{"id":1}])").find("bytes_mean"), std::string::npos);
  EXPECT_NE(json(R"([{"id":1,"bytes_mean":"a","f1":1}])").find("not a number"), std::string::npos);
  EXPECT_NE(said([] { KnobTable::load("/nowhere/at/all.csv"); }).find("cannot read"), std::string::npos);
}

}  // namespace
}  // namespace vedette::framelog
