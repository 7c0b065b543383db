#include "vedette/infer/grid.h"

#include <charconv>

namespace vedette::infer {

void strides_field(Fields& f, std::vector<int>& strides) {
  std::vector<std::string> texts;
  for (const int stride : strides) texts.push_back(std::to_string(stride));
  f.texts("strides", texts, "input pixels from one cell to the next, for each feature map");
  bool good = !texts.empty() && texts.size() <= 8;
  std::vector<int> read;
  for (const auto& text : texts) {
    int stride = 0;
    const auto [at, fault] = std::from_chars(text.data(), text.data() + text.size(), stride);
    good = good && fault == std::errc() && at == text.data() + text.size() && stride >= 1 && stride <= 1024;
    read.push_back(stride);
  }
  if (good) strides = std::move(read);
  f.check([&] { return good ? "" : "'strides' must be one to eight whole numbers from 1 to 1024"; });
}

}  // namespace vedette::infer
