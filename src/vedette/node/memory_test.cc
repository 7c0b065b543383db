#include "vedette/node/memory.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "vedette/base/error.h"
#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using testing::plan_of;
using testing::TemporaryFolder;

TEST(Memory, StartsEmptyAndKeepsTheLastPlan) {
  const TemporaryFolder folder;
  {
    Memory memory(folder.path("deep/er"), "box-1");
    EXPECT_FALSE(memory.plan());
    memory.save(plan_of(3, {"yard"}));
    memory.save(plan_of(4, {"yard", "gate"}));
    ASSERT_TRUE(memory.plan());
    EXPECT_EQ(memory.plan()->version, 4u);
  }
  const Memory again(folder.path("deep/er"), "box-1");
  ASSERT_TRUE(again.plan());
  EXPECT_EQ(*again.plan(), plan_of(4, {"yard", "gate"}));
  struct stat status{};
  ASSERT_EQ(::stat(folder.path("deep/er/node.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(Memory, IsNotUsedByANodeOfAnotherName) {
  const TemporaryFolder folder;
  {
    Memory(folder.path(), "box-1").save(plan_of(3, {"yard"}));
  }
  EXPECT_FALSE(Memory(folder.path(), "box-2").plan());
  EXPECT_TRUE(Memory(folder.path(), "box-1").plan());
}

TEST(Memory, BelongsToOneProcess) {
  const TemporaryFolder folder;
  const Memory memory(folder.path(), "box-1");
  try {
    const Memory second(folder.path(), "box-1");
    FAIL() << "two nodes have one memory";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kAddressInUse);
    EXPECT_NE(e.line().find("in use by another node"), std::string::npos) << e.line();
  }
}

TEST(Memory, SetsAFileAsideThatIsNoDatabase) {
  const TemporaryFolder folder;
  std::ofstream(folder.path("node.db")) << std::string(5000, 'x');
  {
    Memory memory(folder.path(), "box-1");
    EXPECT_FALSE(memory.plan());
    memory.save(plan_of(1, {"yard"}));
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path("node.db.bad")));
  EXPECT_TRUE(Memory(folder.path(), "box-1").plan());
}

TEST(Memory, SetsADatabaseAsideWhoseMiddleIsGone) {
  const TemporaryFolder folder;
  {
    Memory memory(folder.path(), "box-1");
    std::vector<std::string> many;
    for (int i = 0; i < 50; ++i) many.push_back("application-" + std::to_string(i));
    memory.save(plan_of(1, many));
  }
  const auto size = std::filesystem::file_size(folder.path("node.db"));
  ASSERT_GT(size, 3u * 4096);
  {
    std::fstream file(folder.path("node.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(static_cast<size_t>(size) - 4096, '\xff');
  }
  EXPECT_FALSE(Memory(folder.path(), "box-1").plan());
  EXPECT_TRUE(std::filesystem::exists(folder.path("node.db.bad")));
}

TEST(Memory, SetsADatabaseAsideThatHoldsNoPlan) {
  const TemporaryFolder folder;
  {
    Memory(folder.path(), "box-1").save(plan_of(1, {"yard"}));
  }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder.path("node.db").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(database, "UPDATE memory SET value = '{\"version\":' WHERE key = 'plan'", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
  EXPECT_FALSE(Memory(folder.path(), "box-1").plan());
  EXPECT_TRUE(std::filesystem::exists(folder.path("node.db.bad")));
}

TEST(Memory, SaysWhyAFolderCannotBeMade) {
  const TemporaryFolder folder;
  std::ofstream(folder.path("file")) << "x";
  try {
    const Memory refused(folder.path("file/state"), "box-1");
    FAIL() << "a folder within a file";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("cannot make the state folder"), std::string::npos) << e.what();
  }
}

TEST(Memory, CountsStartsThatDidNotLast) {
  const TemporaryFolder folder;
  EXPECT_EQ(Memory(folder.path(), "box-1").begin_start(), 1);
  EXPECT_EQ(Memory(folder.path(), "box-1").begin_start(), 2);
  Memory memory(folder.path(), "box-1");
  EXPECT_EQ(memory.begin_start(), 3);
  memory.settled();
  EXPECT_EQ(memory.begin_start(), 1);
}

}  // namespace
}  // namespace vedette::node
