#include "vedette/modules/line_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "vedette/base/error.h"

namespace vedette::modules {
namespace {

using ::testing::HasSubstr;

class LineFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("vedette_line_file_" + std::to_string(::getpid()) + "_" +
                                                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "out.jsonl").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string text(const std::string& suffix = "") const {
    std::ifstream file(path_ + suffix, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool exists(const std::string& suffix) const { return std::filesystem::exists(path_ + suffix); }
  static MonotonicTime at(double seconds) { return MonotonicTime{} + from_seconds(seconds); }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(LineFileTest, LinesWaitForTheIntervalOrTheCall) {
  LineFile file({.path = path_}, at(0));
  file.add("a\n", 1);
  file.write(at(0.5));
  EXPECT_EQ(text(), "");
  file.write(at(1));
  EXPECT_EQ(text(), "a\n");
  file.add("b\n", 1);
  file.write(at(1.1), true);
  EXPECT_EQ(text(), "a\nb\n");
  file.add("c\n", 1);
  file.close(at(1.2));
  EXPECT_EQ(text(), "a\nb\nc\n");
}

TEST_F(LineFileTest, MuchTextIsWrittenAtOnce) {
  LineFile file({.path = path_}, at(0));
  file.add(std::string(70000, 'x') + "\n", 1);
  file.write(at(0));
  EXPECT_EQ(text().size(), 70001u);
}

TEST_F(LineFileTest, AnEarlierFileIsKeptAsideOrGoneOnWith) {
  std::ofstream(path_) << "old\n";
  {
    LineFile file({.path = path_}, at(0));
    file.add("new\n", 1);
    file.close(at(0));
  }
  EXPECT_EQ(text(), "new\n");
  EXPECT_EQ(text(".1"), "old\n");
  {
    LineFile file({.path = path_, .append = true}, at(0));
    file.add("more\n", 1);
    file.close(at(0));
  }
  EXPECT_EQ(text(), "new\nmore\n");
  {
    LineFile file({.path = path_, .keep = 0}, at(0));
  }
  EXPECT_EQ(text(), "");
  EXPECT_EQ(text(".1"), "old\n");
}

TEST_F(LineFileTest, RotatesBetweenWholeLinesAndKeepsSoMany) {
  LineFile file({.path = path_, .max_bytes = 10, .keep = 2}, at(0));
  for (const char* line : {"1111\n", "2222\n", "3333\n", "4444\n", "5555\n", "6666\n", "7777\n"}) file.add(line, 1);
  file.close(at(0));
  EXPECT_EQ(text(), "7777\n");
  EXPECT_EQ(text(".1"), "5555\n6666\n");
  EXPECT_EQ(text(".2"), "3333\n4444\n");
  EXPECT_FALSE(exists(".3"));
}

TEST_F(LineFileTest, ALineLongerThanAFileMayBeGetsOneOfItsOwn) {
  LineFile file({.path = path_, .max_bytes = 10, .keep = 3}, at(0));
  file.add("1\n0123456789abcdef\n2\n", 3);
  file.close(at(0));
  EXPECT_EQ(text(), "2\n");
  EXPECT_EQ(text(".1"), "0123456789abcdef\n");
  EXPECT_EQ(text(".2"), "1\n");
}

TEST_F(LineFileTest, OpeningFailsWithOneClearLine) {
  const auto message = [](const std::string& path) -> std::string {
    try {
      LineFile file({.path = path}, MonotonicTime{});
    } catch (const Error& e) {
      return std::string(to_string(e.code())) + ": " + e.line();
    }
    return "opened";
  };
  const std::string folder = folder_.string();
  EXPECT_EQ(message(folder + "/none/out"), "not_found: cannot create " + folder + "/none/out: there is no folder " +
                                               folder + "/none (create it first)");
  EXPECT_THAT(message(folder), HasSubstr("cannot create " + folder + ": Is a directory"));
}

TEST_F(LineFileTest, AFullDiskIsToldOnceAndLinesBeyondTheLimitAreCounted) {
  LineFile file({.path = "/dev/full", .max_waiting_bytes = 8}, at(0));
  file.add("1111\n", 1);
  try {
    file.write(at(1));
    FAIL() << "/dev/full took a line";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kExhausted);
    EXPECT_THAT(e.what(), HasSubstr("cannot write /dev/full: No space left on device"));
  }
  EXPECT_TRUE(file.failing());
  EXPECT_NO_THROW(file.write(at(2)));
  EXPECT_TRUE(file.add("22\n", 1));
  EXPECT_FALSE(file.add("33\n", 1));
  EXPECT_EQ(file.lost_lines(), 1u);
  try {
    file.close(at(3));
    FAIL() << "three lines are missing";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kExhausted);
    EXPECT_THAT(e.what(), HasSubstr("/dev/full lacks 3 lines"));
  }
}

/// A limit on the size of files stands for a disk that fills up and is emptied again.
class DiskLimit {
 public:
  DiskLimit() : handler_(std::signal(SIGXFSZ, SIG_IGN)) { ::getrlimit(RLIMIT_FSIZE, &before_); }
  ~DiskLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  void set(rlim_t bytes) const {
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void lift() const { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(LineFileTest, WhenThereIsRoomAgainNoLineIsMissingAndNoneIsCut) {
  LineFile file({.path = path_}, at(0));
  std::string expected;
  const auto add = [&](int i) {
    const std::string line = "line number " + std::to_string(i) + "\n";
    expected += line;
    EXPECT_TRUE(file.add(line, 1));
  };
  for (int i = 0; i < 10; ++i) add(i);
  {
    const DiskLimit disk;
    disk.set(33);  // in the midst of the third line
    EXPECT_THROW(file.write(at(1)), Error);
    EXPECT_EQ(text(), expected.substr(0, 33));
    for (int i = 10; i < 20; ++i) add(i);
    EXPECT_NO_THROW(file.write(at(2)));
    disk.lift();
    EXPECT_NO_THROW(file.write(at(2.5)));
    EXPECT_TRUE(file.failing()) << "tried again each interval only";
    EXPECT_NO_THROW(file.write(at(3)));
    EXPECT_FALSE(file.failing());
    EXPECT_EQ(text(), expected);
    add(20);
    disk.set(static_cast<rlim_t>(expected.size()) - 4);
    EXPECT_THROW(file.write(at(4)), Error) << "a second failure is told again";
  }
  EXPECT_NO_THROW(file.close(at(5)));
  EXPECT_EQ(text(), expected);
  EXPECT_EQ(file.lost_lines(), 0u);
}

}  // namespace
}  // namespace vedette::modules
