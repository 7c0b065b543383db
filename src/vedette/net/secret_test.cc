#include "vedette/net/secret.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "vedette/base/error.h"

namespace vedette::net {
namespace {

TEST(ReadSecret, TakesTheFirstLine) {
  const std::filesystem::path folder = testing::TempDir() + "vedette-secret-" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "good") << "vdt_abc\n# for box-1\n";
  std::ofstream(folder / "empty") << "\n";
  std::ofstream(folder / "long") << std::string(5000, 'x');
  EXPECT_EQ(read_secret(folder / "good"), "vdt_abc");
  EXPECT_THROW(read_secret(folder / "empty"), Error);
  EXPECT_THROW(read_secret(folder / "long"), Error);
  try {
    read_secret(folder / "missing");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vedette::net
