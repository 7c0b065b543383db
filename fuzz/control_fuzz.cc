// Reports and changes of settings come from outside: any bytes must either be taken or be refused with one
// vedette::Error, and leave a core that still plans.
#include <cstddef>
#include <cstdint>
#include <string>

#include "vedette/base/error.h"
#include "vedette/fleet/controller_core.h"
#include "vedette/fleet/yaml_text.h"

namespace {

vedette::fleet::ControllerCore make_core() {
  vedette::fleet::ControllerCore::Options options;
  options.version = "fuzz";
  options.read = [](const std::string&) { return vedette::plan::ApplicationWish{}; };
  return vedette::fleet::ControllerCore(std::move(options));
}

void take_report(const std::string& text) {
  static vedette::fleet::ControllerCore core = make_core();
  static vedette::fleet::Instant now;
  now.mono += std::chrono::milliseconds(100);
  now.wall += std::chrono::milliseconds(100);
  core.on_report(vedette::plan::node_report_from_json(text), now);
  core.step(now);
  core.take_log();
  core.take_spans();
}

void take_stored(const std::string& key, const std::string& text) {
  vedette::fleet::ControllerCore core = make_core();
  core.restore({{key, text, 1}}, {});
}

void write_yaml(const std::string& text) {
  const vedette::ConfigNode node = vedette::parse_config(text, "fuzz");
  const std::string flow = vedette::fleet::to_flow(node);
  const vedette::ConfigNode again = vedette::parse_config(vedette::fleet::to_yaml(node), "written");
  VEDETTE_ASSERT(vedette::fleet::to_flow(again) == flow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 5) {
      case 0: take_report(text); break;
      case 1: take_stored("app/x", text); break;
      case 2: take_stored("place/x", text); break;
      case 3: write_yaml(text); break;
      default: vedette::plan::node_plan_from_json(text); break;
    }
  } catch (const vedette::Error&) {  // refused, as it should be
  }
  return 0;
}
