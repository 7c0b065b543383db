// Node plans and node reports, both as JSON from another machine. Whatever the bytes: something that survives being
// written and read again, or one Error. The first byte chooses.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/plan/node_plan.h"
#include "vedette/plan/profile.h"
#include "vedette/plan/report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0: {
        const auto plan = plan::node_plan_from_json(text);
        VEDETTE_ASSERT(plan::node_plan_from_json(plan::to_json(plan)) == plan);
        std::vector<std::string> gone;
        if (!plan.applications.empty()) gone.push_back(plan.applications.front().name);
        plan::without(plan, gone);
        break;
      }
      case 1: {
        const auto report = plan::node_report_from_json(text);
        VEDETTE_ASSERT(plan::node_report_from_json(plan::to_json(report)) == report);
        plan::Profiles profiles;
        profiles.learn(report, {});
        break;
      }
      default: plan::Profiles::from_json(plan::Profiles::from_json(text).to_json());
    }
  } catch (const Error&) {
  }
  return 0;
}
