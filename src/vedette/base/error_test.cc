#include "vedette/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace vedette {
namespace {

TEST(Error, LineHoldsTheHint) {
  EXPECT_EQ(Error(ErrorCode::kNotFound, "no a.mp4", "give a file").line(), "no a.mp4 (give a file)");
  EXPECT_EQ(Error(ErrorCode::kNotFound, "no a.mp4").line(), "no a.mp4");
}

TEST(Error, EveryCodeHasItsStatusAndWord) {
  struct Row {
    ErrorCode code;
    int exit, http;
    const char* word;
  };
  const Row rows[] = {{ErrorCode::kUsage, 64, 400, "usage"},
                      {ErrorCode::kInvalidConfig, 78, 400, "invalid_config"},
                      {ErrorCode::kInvalidData, 65, 400, "invalid_data"},
                      {ErrorCode::kNotFound, 66, 404, "not_found"},
                      {ErrorCode::kUnavailable, 69, 503, "unavailable"},
                      {ErrorCode::kTimeout, 75, 504, "timeout"},
                      {ErrorCode::kPermissionDenied, 77, 403, "permission_denied"},
                      {ErrorCode::kExhausted, 74, 507, "exhausted"},
                      {ErrorCode::kAddressInUse, 69, 409, "address_in_use"},
                      {ErrorCode::kInternal, 70, 500, "internal"}};
  for (const auto& row : rows) {
    EXPECT_EQ(exit_status(row.code), row.exit) << row.word;
    EXPECT_EQ(http_status(row.code), row.http) << row.word;
    EXPECT_EQ(to_string(row.code), row.word);
  }
}

TEST(Error, ErrnoKeepsItsMeaning) {
  const auto code = [](int value) {
    try {
      throw_errno(value, "cannot write out.mp4");
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), ::testing::StartsWith("cannot write out.mp4: "));
      return e.code();
    }
  };
  EXPECT_EQ(code(ENOENT), ErrorCode::kNotFound);
  EXPECT_EQ(code(EACCES), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(ENOSPC), ErrorCode::kExhausted);
  EXPECT_EQ(code(EADDRINUSE), ErrorCode::kAddressInUse);
  EXPECT_EQ(code(ETIMEDOUT), ErrorCode::kTimeout);
  EXPECT_EQ(code(ECONNREFUSED), ErrorCode::kUnavailable);
  EXPECT_EQ(code(EIO), ErrorCode::kInternal);
}

TEST(AssertDeathTest, NamesTheExpressionAndItsPlace) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(VEDETTE_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 at .*error_test.cc:");
}

}  // namespace
}  // namespace vedette
