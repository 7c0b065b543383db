// Model cards: a card is refused with kInvalidConfig or has a head.
// seeds: models/*.yaml
#include <cstdlib>
#include <string_view>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/infer/model_card.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto document = vedette::parse_config(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    if (!vedette::infer::parse_card(document, ".").head) std::abort();
  } catch (const vedette::Error& e) {
    if (e.line().empty()) std::abort();
  }
  return 0;
}
