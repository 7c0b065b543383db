#include "vedette/cli/token.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "vedette/base/error.h"
#include "vedette/net/token.h"

namespace vedette::cli {
namespace {

class TokenCommand : public testing::Test {
 public:
  TokenCommand() : key_(testing::TempDir() + "vedette-cli-key-" + std::to_string(::getpid())) {}
  ~TokenCommand() override { std::filesystem::remove(key_); }

  /// What the command prints on standard output.
  static std::string run(std::vector<std::string> arguments) {
    CLI::App app;
    add_token_command(app);
    std::reverse(arguments.begin(), arguments.end());
    testing::internal::CaptureStdout();
    try {
      app.parse(arguments);
    } catch (...) {
      testing::internal::GetCapturedStdout();
      throw;
    }
    return testing::internal::GetCapturedStdout();
  }
  std::string refusal(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"token", "create", "--key", key_, "--name", "ann"});
    try {
      run(std::move(arguments));
    } catch (const Error& error) {
      return error.line();
    }
    return "";
  }

 protected:
  const std::string key_;
};

TEST_F(TokenCommand, makes_a_key_and_tokens_of_it) {
  run({"token", "key", key_});
  std::string text = run(
      {"token", "create", "--key", key_, "--name", "ann", "--role", "operator", "--tenant", "acme", "--expires", "2h"});
  text.pop_back();
  const auto token = net::verify_token(text, net::read_key_file(key_), Clock::system().now());
  EXPECT_EQ(token.role, net::Role::kOperator);
  EXPECT_EQ(token.tenant, "acme");
  EXPECT_EQ(token.expires - token.issued, std::chrono::hours(2));
  EXPECT_THAT(run({"token", "show", text, "--key", key_}), testing::HasSubstr(R"("role": "operator")"));
  text[10] = text[10] == 'A' ? 'B' : 'A';
  EXPECT_THROW(run({"token", "show", text, "--key", key_}), Error);
}

TEST_F(TokenCommand, says_what_is_wrong) {
  run({"token", "key", key_});
  EXPECT_EQ(refusal({"--role", "operater"}), "there is no role 'operater' (did you mean 'operator'?)");
  for (const char* bad : {"30", "d", "0d", "-1d", "4000d", "9999999999999999999w", "1y"})
    EXPECT_THAT(refusal({"--role", "viewer", "--expires", bad}), testing::HasSubstr("is no time span")) << bad;
  EXPECT_THROW(run({"token", "key", key_}), Error) << "a key is never overwritten";
}

}  // namespace
}  // namespace vedette::cli
