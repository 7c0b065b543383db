#include "vedette/net/token.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "vedette/base/error.h"
#include "vedette/net/authority.h"
#include "vedette/net/base64.h"

namespace vedette::net {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Timestamp kNow{seconds(1'800'000'000)};
const TokenKeys kKeys{std::string(32, 'k')};

Token token() { return {"00ff", "Ann's laptop", Role::kOperator, "acme", kNow, kNow + hours(1)}; }

std::string why_refused(const std::string& text, Timestamp now = kNow, const TokenKeys& keys = kKeys) {
  try {
    verify_token(text, keys, now);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
    return error.line();
  }
}

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "vedette-token-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(Token, says_what_was_signed) {
  const std::string text = sign_token(token(), kKeys);
  EXPECT_THAT(text, testing::MatchesRegex("vdt_[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+"));
  for (const Token& got : {verify_token(text, kKeys, kNow), read_token(text)}) {
    EXPECT_EQ(got.id, "00ff");
    EXPECT_EQ(got.name, "Ann's laptop");
    EXPECT_EQ(got.role, Role::kOperator);
    EXPECT_EQ(got.tenant, "acme");
    EXPECT_EQ(got.expires, kNow + hours(1));
  }
}

TEST(Token, no_altered_token_is_taken) {
  const std::string text = sign_token(token(), kKeys);
  std::mt19937 random(7);
  for (size_t at = 0; at < text.size(); ++at) {
    for (int i = 0; i < 8; ++i) {
      std::string other = text;
      other[at] = static_cast<char>(random() % 255 + 1);
      if (other == text) continue;
      EXPECT_NE(why_refused(other), "") << "byte " << at << " of " << other;
    }
    EXPECT_NE(why_refused(text.substr(0, at)), "");
    EXPECT_NE(why_refused(text.substr(0, at) + text.substr(at + 1)), "");
  }
  EXPECT_NE(why_refused(text + "A"), "");
  EXPECT_NE(why_refused(std::string(100'000, 'A')), "");
}

TEST(Token, a_signature_is_of_these_contents_only) {
  Token admin = token();
  admin.role = Role::kAdmin;
  const std::string mine = sign_token(token(), kKeys);
  const std::string forged = sign_token(admin, {std::string(32, 'x')});
  const std::string mixed = forged.substr(0, forged.rfind('.')) + mine.substr(mine.rfind('.'));
  EXPECT_EQ(why_refused(mixed), "the token's signature is wrong (it was made with another key, or altered)");
  EXPECT_EQ(why_refused(forged), why_refused(mixed));
}

TEST(Token, old_keys_verify_while_a_new_one_signs) {
  const std::string before = sign_token(token(), kKeys);
  const TokenKeys both{std::string(32, 'n'), kKeys[0]};
  EXPECT_EQ(why_refused(before, kNow, both), "");
  EXPECT_NE(why_refused(sign_token(token(), both), kNow, kKeys), "");
}

TEST(Token, expires_with_a_minute_of_grace_for_clocks) {
  const std::string text = sign_token(token(), kKeys);
  EXPECT_EQ(why_refused(text, kNow + hours(1) + seconds(59)), "");
  EXPECT_EQ(why_refused(text, kNow + hours(1) + seconds(60)),
            "token 'Ann's laptop' expired 2027-01-15T09:00:00Z (make a new one with vedette token create)");
  EXPECT_EQ(why_refused(text, kNow - seconds(60)), "");
  EXPECT_THAT(why_refused(text, kNow - seconds(61)), testing::HasSubstr("is from the future"));
}

TEST(Token, refuses_to_make_what_it_would_not_take) {
  const auto fails = [](auto change) {
    Token bad = token();
    change(bad);
    EXPECT_THROW(sign_token(bad, kKeys), Error);
  };
  fails([](Token& t) { t.name = ""; });
  fails([](Token& t) { t.name = "a\nb"; });
  fails([](Token& t) { t.tenant = std::string(129, 'x'); });
  fails([](Token& t) { t.tenant = "\xff"; });
  fails([](Token& t) { t.role = Role::kNone; });
  fails([](Token& t) { t.expires = t.issued; });
}

TEST(Token, key_files_are_private_and_never_overwritten) {
  const Folder folder;
  const std::string path = folder / "key";
  make_key_file(path);
  struct stat about{};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(read_key_file(path).at(0).size(), 32u);
  EXPECT_THROW(make_key_file(path), Error);
  ::chmod(path.c_str(), 0640);
  EXPECT_THROW(read_key_file(path), Error) << "others may read it";
  EXPECT_THROW(read_key_file(folder / "nothing"), Error);
  std::ofstream(folder / "short") << "vdk_AAAA\n";
  ::chmod((folder / "short").c_str(), 0600);
  EXPECT_THROW(read_key_file(folder / "short"), Error);
}

TEST(Authority, issues_verifies_and_revokes) {
  const Folder folder;
  make_key_file(folder / "key");
  std::ofstream(folder / "revoked") << "# nobody yet\n";
  ManualClock clock(kNow);
  const Authority authority({folder / "key", folder / "revoked"}, clock);
  const std::string text = authority.issue("ann", Role::kViewer, "acme", hours(2));
  const Principal ann = authority.verify(text);
  EXPECT_EQ(ann.name, "ann");
  EXPECT_EQ(ann.tenant, "acme");
  EXPECT_TRUE(authority.still_valid(ann));
  std::ofstream(folder / "revoked", std::ios::app) << "  " << ann.token_id << "  # lost\n";
  EXPECT_FALSE(authority.still_valid(ann));
  EXPECT_THROW(authority.verify(text), Error);
  std::filesystem::remove(folder / "revoked");
  EXPECT_THROW(authority.verify(text), Error) << "what was revoked stays so";
  const Principal bob = authority.verify(authority.issue("bob", Role::kViewer, "", hours(2)));
  clock.advance(hours(2));
  EXPECT_TRUE(authority.still_valid(bob)) << "a minute of grace";
  clock.advance(seconds(60));
  EXPECT_FALSE(authority.still_valid(bob));
  EXPECT_THROW(Authority({folder / "key", folder / "revoked"}, clock), Error) << "a list that is named must be there";
}

TEST(Role, who_may_what) {
  using enum Role;
  const std::vector<Role> all{kNone, kViewer, kOperator, kAdmin, kNode};
  const auto may = [&](Role has) {
    std::vector<Role> result;
    for (const Role needed : all)
      if (allows(has, needed)) result.push_back(needed);
    return result;
  };
  EXPECT_EQ(may(kNone), (std::vector{kNone}));
  EXPECT_EQ(may(kViewer), (std::vector{kNone, kViewer}));
  EXPECT_EQ(may(kOperator), (std::vector{kNone, kViewer, kOperator}));
  EXPECT_EQ(may(kAdmin), all);
  EXPECT_EQ(may(kNode), (std::vector{kNone, kNode}));
  for (const std::string& name : role_names()) EXPECT_EQ(to_string(role_of(name).value()), name);
  EXPECT_FALSE(role_of("none"));
  EXPECT_TRUE((Principal{"a", kViewer, "acme", "", {}}).sees("acme"));
  EXPECT_FALSE((Principal{"a", kAdmin, "acme", "", {}}).sees("other"));
}

TEST(Base64, has_one_spelling_of_each_value) {
  std::mt19937 random(3);
  for (size_t size = 0; size < 70; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
  EXPECT_EQ(to_base64url("\xff\xef"), "_-8");
  for (const char* bad : {"A", "AB", "_-9", "AA==", "AA AA", "A+/A"}) EXPECT_FALSE(from_base64url(bad)) << bad;
}

}  // namespace
}  // namespace vedette::net
