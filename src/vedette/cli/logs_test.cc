#include "vedette/cli/logs.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/cli/traces.h"

namespace vedette::cli {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

TEST(Logs, a_line_names_who_and_what) {
  const json line = {
      {"time", 1769860800.0}, {"level", "warning"}, {"node", "box-1"}, {"application", ""}, {"text", "lost\x1b[2J"}};
  const std::string text = log_line_text(line, Paint(false));
  EXPECT_THAT(text, EndsWith("  warning  box-1  lost [2J"));
}

TEST(Traces, steps_stand_in_the_order_of_time_with_bars) {
  const auto span = [](const char* name, const char* kind, double start, double duration) {
    return json{{"name", name}, {"kind", kind}, {"node", "box-1"}, {"start", start}, {"duration", duration}};
  };
  const json trace = {{"trace_id", "00f1"},
                      {"stream", "yard"},
                      {"sequence", 812},
                      {"start", 1000.0},
                      {"duration", 0.1},
                      {"spans", {span("detect", "execute", 1000.05, 0.05), span("yard", "source", 1000.0, 0.025)}}};
  const std::string text = waterfall_text(trace, Paint(false));
  EXPECT_THAT(text, HasSubstr("00f1 yard frame 812"));
  EXPECT_LT(text.find("yard    source"), text.find("detect  execute"));
  EXPECT_THAT(text, HasSubstr("25.0 ms  " + std::string(10, '=') + "\n"));
  EXPECT_THAT(text, HasSubstr("50.0 ms  50.0 ms  " + std::string(20, ' ') + std::string(20, '=') + "\n"));
  EXPECT_THROW(waterfall_text(json::object(), Paint(false)), Error);
}

}  // namespace
}  // namespace vedette::cli
