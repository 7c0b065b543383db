#pragma once

#include <memory>
#include <vector>

#include "vedette/frame/box.h"
#include "vedette/frame/picture.h"
#include "vedette/infer/model_card.h"

namespace vedette::infer {

/// Where a picture came to lie in a model's input: input = picture · scale + offset, in pixels, for each axis.
struct Placement {
  float scale_x = 1, scale_y = 1;
  float offset_x = 0, offset_y = 0;
  int left = 0, top = 0, width = 0, height = 0;  ///< the part of the input that shows the picture

  /// From input pixels back to the picture's, clipped to the picture.
  Box to_picture(float left, float top, float right, float bottom, int picture_width, int picture_height) const;
};

Placement place(const InputSpec& input, int picture_width, int picture_height);

/// Writes a picture into a model's input tensor in one pass: colour conversion, bilinear scaling, padding, mean and
/// std.
///
/// Sampling: pixel centres at half coordinates, edges repeated (as OpenCV's INTER_LINEAR). Y, U and V are sampled each
/// at its own resolution, chroma sited in the middle of its 2×2 block, and converted afterwards by the picture's matrix
/// (ITU-R BT.601 or BT.709) and range, clamped to 0…255. Horizontal weights have 15 bits: results are within 1e-2 of a
/// grey level of exact arithmetic, and the same on every machine.
///
/// Keeps the plan of the last picture size, so use one a thread.
class Preprocessor {
 public:
  explicit Preprocessor(const InputSpec& input);
  ~Preprocessor();
  Preprocessor(Preprocessor&&) noexcept;

  size_t tensor_size() const;  ///< floats: 3 · width · height
  /// Fills `tensor` (tensor_size() floats, in the card's layout). Costs no allocation while pictures keep format and
  /// size.
  Placement run(const Picture& picture, float* tensor);

  /// For tests and the benchmark: leaves out code for special processors. All ways give the same bits.
  void use_portable_code(bool portable);

 private:
  struct Plan;
  InputSpec input_;
  bool portable_ = false;
  std::unique_ptr<Plan> plan_;
};

}  // namespace vedette::infer
