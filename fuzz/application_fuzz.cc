// Applications come from users: any bytes must either parse or be refused with one vedette::Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vedette/base/error.h"
#include "vedette/graph/application.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using vedette::graph::append_sink, vedette::graph::parse_application, vedette::graph::set_override;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The first line is a --set, the second a --sink; the rest is the application.
  const size_t first = text.find('\n');
  const size_t second = first == std::string_view::npos ? first : text.find('\n', first + 1);
  if (second == std::string_view::npos) return 0;
  try {
    vedette::ConfigNode root = vedette::parse_config(text.substr(second + 1), "fuzz");
    for (int edit = 0; edit < 2; ++edit) {
      try {
        edit ? append_sink(root, text.substr(first + 1, second - first - 1))
             : set_override(root, text.substr(0, first));
      } catch (const vedette::Error&) {  // refused, as it should be; the application itself may still be right
      }
    }
    parse_application(root);
  } catch (const vedette::Error&) {  // refused, as it should be
  }
  return 0;
}
