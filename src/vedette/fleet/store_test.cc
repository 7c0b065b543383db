#include "vedette/fleet/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"

namespace vedette::fleet {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SqliteStoreTest : public ::testing::Test {
 public:
  SqliteStoreTest()
      : folder_(std::filesystem::temp_directory_path() / ("vedette-store-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string refusal(const std::string& file) {
    try {
      open_sqlite_store(file, "c", "");
    } catch (const Error& e) {
      return std::string(to_string(e.code())) + " " + e.line();
    }
    return "";
  }

 protected:
  std::filesystem::path folder_;
};

TEST_F(SqliteStoreTest, KeepsWhatWasCommittedAndNothingElse) {
  {
    const auto store = open_sqlite_store(path("a.db"), "ctl", "http://ctl");
    EXPECT_TRUE(store->leader().self);
    EXPECT_TRUE(store->commit({{{"app/a", "1", 0}, {"app/b", "2", 0}, {"node/x", "3", {}}}}));
    EXPECT_FALSE(store->commit({{{"app/c", "4", {}}, {"app/a", "9", 0}}})) << "app/a exists: all of it is refused";
    EXPECT_TRUE(store->commit({{{"app/b", std::nullopt, 1}}}));
  }
  const auto store = open_sqlite_store(path("a.db"), "ctl", "");
  const auto entries = store->read("app/");
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].key, "app/a");
  EXPECT_EQ(entries[0].value, "1");
  EXPECT_EQ(entries[0].version, 1u);
  EXPECT_TRUE(store->commit({{{"app/a", "5", 1}}}));
  EXPECT_EQ(store->read("app/a")[0].version, 2u);
  EXPECT_FALSE(store->commit({{{"app/a", "6", 1}}}));
  EXPECT_THAT(store->read(""), SizeIs(2));
  EXPECT_THAT(store->read("nothing"), IsEmpty());
}

TEST_F(SqliteStoreTest, NobodyElseMayReadTheFile) {
  const auto store = open_sqlite_store(path("p.db"), "c", "");
  EXPECT_EQ(std::filesystem::status(path("p.db")).permissions() & std::filesystem::perms::others_all,
            std::filesystem::perms::none);
}

TEST_F(SqliteStoreTest, OneControllerAtATime) {
  const auto store = open_sqlite_store(path("b.db"), "c", "");
  EXPECT_THAT(refusal(path("b.db")), HasSubstr("address_in_use " + path("b.db") + " is in use by another controller"));
}

TEST_F(SqliteStoreTest, ACorruptFileIsNamedWithWhatToDo) {
  std::ofstream(path("text.db")) << std::string(5000, 'x');
  EXPECT_THAT(refusal(path("text.db")),
              HasSubstr("invalid_data " + path("text.db") + " is corrupt or no database (move"));
  {
    const auto store = open_sqlite_store(path("cut.db"), "c", "");
    std::vector<Store::Write> writes;
    for (int i = 0; i < 500; ++i) writes.push_back({"app/" + std::to_string(i), std::string(500, 'v'), {}});
    store->commit(writes);
  }
  std::fstream file(path("cut.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8192);
  file << std::string(60'000, '\x55');
  file.close();
  EXPECT_THAT(refusal(path("cut.db")), HasSubstr("is corrupt"));
}

TEST_F(SqliteStoreTest, AnotherProgramsDatabaseIsLeftAlone) {
  EXPECT_THAT(refusal(path("no/such/folder.db")), HasSubstr("not_found cannot open"));
  EXPECT_THAT(refusal(folder_.string()), HasSubstr(folder_.string()));
}

}  // namespace
}  // namespace vedette::fleet
