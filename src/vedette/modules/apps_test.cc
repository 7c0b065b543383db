#include <gtest/gtest.h>

#include <filesystem>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/graph/application.h"

namespace vedette::modules {
namespace {

/// Every ready application must be accepted as it stands, each module with its settings and what it reads.
TEST(ReadyApplications, AreValidAndNamedAfterTheirFiles) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(VEDETTE_SOURCE_DIR) / "apps")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path().filename());
    ++found;
    try {
      const auto application = graph::parse_application(load_config(entry.path().string()));
      EXPECT_EQ(application.name, entry.path().stem());
      EXPECT_TRUE(application.modules.back().type->traits.sink);
    } catch (const Error& e) {
      ADD_FAILURE() << e.line();
    }
  }
  EXPECT_GE(found, 5);
}

}  // namespace
}  // namespace vedette::modules
