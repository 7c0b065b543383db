#include "vedette/cli/apply.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/cli/application_files.h"

namespace vedette::cli {
namespace {

using testing::HasSubstr;

TEST(Settings, become_json) {
  EXPECT_EQ(settings_json({"score=0.5", "classes=[person, car]", "model=nanodet-g-320", "quiet=true", "zone=~"}),
            R"({"classes":["person","car"],"model":"nanodet-g-320","quiet":true,"score":0.5,"zone":null})");
  EXPECT_EQ(settings_json({"queue={size: 2}", R"(name="7")"}), R"({"name":"7","queue":{"size":2}})");
}

TEST(Settings, that_are_none_are_refused) {
  for (const char* wrong : {"score", "=1", "queue.size=2", "list=[1", ""})
    EXPECT_THROW(settings_json({wrong}), Error) << wrong;
  EXPECT_THROW(settings_json({"a=1", "a=2"}), Error);
}

class Files : public testing::Test {
 public:
  Files() : folder_(testing::TempDir() + "vedette-application-files-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  static std::string error_of(const std::vector<std::string>& paths) {
    try {
      read_applications(paths);
    } catch (const Error& e) {
      return e.line();
    }
    return "";
  }

 protected:
  const std::string folder_;
};

TEST_F(Files, several_documents_and_folders_are_read) {
  write("b.yaml", "application: one\nmodules: []\n---\napplication: two\n");
  write("a.yml", "application: three\n");
  write("notes.txt", "nothing\n");
  const auto found = read_applications({folder_});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "three");
  EXPECT_EQ(found[1].name, "one");
  EXPECT_EQ(found[2].name, "two");
  EXPECT_EQ(found[2].origin, folder_ + "/b.yaml");
}

TEST_F(Files, every_fault_is_told_with_its_line) {
  const auto nonsense = write("x.yaml", "application: a\n---\nmodules: [\n");
  const auto nameless = write("y.yaml", "modules: []\n");
  const auto told = error_of({nonsense, nameless});
  EXPECT_THAT(told, HasSubstr("x.yaml:"));
  EXPECT_THAT(told, HasSubstr("y.yaml"));
  EXPECT_THAT(error_of({write("empty.yaml", "# nothing\n")}), HasSubstr("nothing in it"));
  EXPECT_THAT(error_of({folder_ + "/none.yaml"}), HasSubstr("none.yaml"));
}

TEST_F(Files, two_of_one_name_are_refused) {
  const auto a = write("a.yaml", "application: same\n"), b = write("b.yaml", "application: same\n");
  EXPECT_THAT(error_of({a, b}), HasSubstr("'same' is in "));
}

}  // namespace
}  // namespace vedette::cli
