#include "vedette/broker/access.h"

#include <gmock/gmock.h>

#include <fstream>

#include "vedette/base/error.h"

namespace vedette::broker {
namespace {

using testing::HasSubstr;

net::Principal viewer(const std::string& name, const std::string& tenant = "") {
  return {name, net::Role::kViewer, tenant, "", Timestamp::max()};
}

std::string refusal(const Access& access, const net::Principal& who, const std::string& camera, bool history,
                    uint32_t side) {
  try {
    access.check_subscribe(who, camera, history, side);
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPermissionDenied);
    return e.line();
  }
}

TEST(Glob, StarsStandForAnything) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("yard/*", "yard/1/left"));
  EXPECT_TRUE(glob_matches("*/left", "yard/1/left"));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(glob_matches("yard/*", "gate"));
  EXPECT_FALSE(glob_matches("", "x"));
  EXPECT_FALSE(glob_matches("a*b", "a-b-c"));
}

TEST(AccessRules, WithoutAFileViewersSeeAndOperatorsPublish) {
  const Access access;
  EXPECT_EQ(refusal(access, viewer("v"), "yard", true, 0), "");
  EXPECT_THROW(access.check_publish(viewer("v"), "yard"), Error);
  access.check_publish({"o", net::Role::kOperator, "", "", Timestamp::max()}, "yard");
  EXPECT_NE(refusal(access, {"", net::Role::kNone, "", "", Timestamp::max()}, "yard", false, 0), "");
}

TEST(AccessRules, AddUp) {
  AccessRule live;
  live.tenant = "north";
  live.cameras = {"yard/*"};
  live.history = false;
  live.max_side_px = 640;
  AccessRule record;
  record.token = "recorder-*";
  record.cameras = {"*"};
  record.publish = true;
  const Access access({live, record});
  EXPECT_EQ(refusal(access, viewer("v", "north"), "yard/1", false, 640), "");
  EXPECT_THAT(refusal(access, viewer("v", "north"), "yard/1", false, 0), HasSubstr("ask for max_side_px 640"));
  EXPECT_THAT(refusal(access, viewer("v", "north"), "yard/1", true, 640), HasSubstr("only live"));
  EXPECT_THAT(refusal(access, viewer("v", "north"), "gate", false, 640), HasSubstr("may not see"));
  EXPECT_EQ(refusal(access, viewer("recorder-1", "north"), "yard/1", true, 0), "");
  EXPECT_THROW(access.check_publish(viewer("v", "north"), "yard/1"), Error);
}

TEST(AccessRules, AreReadFromAFile) {
  const std::string path = testing::TempDir() + "access.yaml";
  std::ofstream(path) << "rules:\n  - { token: 'a*', cameras: ['x'], live: false }\n";
  EXPECT_THAT(refusal(Access::load(path), viewer("abc"), "x", false, 0), HasSubstr("only in the past"));
  std::ofstream(path) << "rules:\n  - { token: 'a*', role: boss, cameras: ['x'] }\n";
  EXPECT_THROW(Access::load(path), Error);
  EXPECT_THROW(Access::load(path + ".missing"), Error);
}

}  // namespace
}  // namespace vedette::broker
