// model.json of a TensorFlow.js model, with weight files of the size the manifest asks for when that is small.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vedette/base/error.h"
#include "vedette/convert/tfjs_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using vedette::convert::TfjsModel;
  try {
    TfjsModel model = TfjsModel::parse(std::string_view(reinterpret_cast<const char*>(data), size));
    constexpr size_t kSmall = 4096;
    model.load_weights([](const std::string&, size_t most_bytes) {
      return std::string(most_bytes <= kSmall ? most_bytes - 1 : 0, '\x3c');
    });
  } catch (const vedette::Error&) {
    // Refused with a reason: what is wanted for anything that is no model.
  }
  return 0;
}
