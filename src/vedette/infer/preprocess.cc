#include "vedette/infer/preprocess.h"

#include <algorithm>
#include <cmath>

#include "vedette/base/error.h"
#include "vedette/infer/resample.h"

namespace vedette::infer {
namespace {

/// Luma weights of red and blue.
struct Weights {
  double red, blue;
};
constexpr Weights kBt601{0.299, 0.114};
constexpr Weights kBt709{0.2126, 0.0722};

/// YUV to RGB with the scale of tap sums folded in (ITU-R BT.601 §2.5, BT.709 §3).
void set_matrix(const Picture& picture, RowColor& color) {
  const auto [red, blue] = picture.matrix == ColorMatrix::kBt709 ? kBt709 : kBt601;
  const double green = 1 - red - blue;
  const double luma = picture.full_range ? 1.0 : 255.0 / 219, chroma = picture.full_range ? 1.0 : 255.0 / 224;
  const double black = picture.full_range ? 0 : 16;
  const double from_u[3] = {0, -2 * (1 - blue) * blue / green, 2 * (1 - blue)};
  const double from_v[3] = {2 * (1 - red), -2 * (1 - red) * red / green, 0};
  color.y = static_cast<float>(luma / kTapOne);
  for (int c = 0; c < 3; ++c) {
    color.u[c] = static_cast<float>(from_u[c] * chroma / kTapOne);
    color.v[c] = static_cast<float>(from_v[c] * chroma / kTapOne);
    color.offset[c] = static_cast<float>(-luma * black - (from_u[c] + from_v[c]) * chroma * 128);
  }
}

RowSource rows_of(const Plane& plane, const Taps& vertical, int y) {
  const auto n = static_cast<size_t>(y);
  const int upper = vertical.first[n], lower = std::min(upper + 1, plane.height - 1);
  const auto at = [&](int row) { return plane.data + static_cast<ptrdiff_t>(row) * plane.stride_bytes; };
  return {at(upper), at(lower), vertical.second[n]};
}

}  // namespace

Box Placement::to_picture(float l, float t, float r, float b, int picture_width, int picture_height) const {
  const auto x = [&](float at) {
    return std::clamp((at - offset_x) / scale_x, 0.f, static_cast<float>(picture_width));
  };
  const auto y = [&](float at) {
    return std::clamp((at - offset_y) / scale_y, 0.f, static_cast<float>(picture_height));
  };
  return {x(l), y(t), x(r) - x(l), y(b) - y(t)};
}

Placement place(const InputSpec& input, int picture_width, int picture_height) {
  Placement placed;
  placed.width = input.width;
  placed.height = input.height;
  if (input.fit != Fit::kStretch) {
    const double scale =
        std::min(static_cast<double>(input.width) / picture_width, static_cast<double>(input.height) / picture_height);
    placed.width = std::clamp(static_cast<int>(std::lround(picture_width * scale)), 1, input.width);
    placed.height = std::clamp(static_cast<int>(std::lround(picture_height * scale)), 1, input.height);
    if (input.fit == Fit::kLetterbox) {
      placed.left = (input.width - placed.width) / 2;
      placed.top = (input.height - placed.height) / 2;
    }
  }
  placed.scale_x = static_cast<float>(placed.width) / static_cast<float>(picture_width);
  placed.scale_y = static_cast<float>(placed.height) / static_cast<float>(picture_height);
  placed.offset_x = static_cast<float>(placed.left);
  placed.offset_y = static_cast<float>(placed.top);
  return placed;
}

/// All that depends on the picture's format and size only.
struct Preprocessor::Plan {
  PixelFormat format;
  int width, height;
  Placement placement;
  Taps across, down, chroma_across, chroma_down;
  std::vector<float> row;  ///< three rows of the input, where the tensor interleaves channels

  Plan(const Picture& picture, const InputSpec& input)
      : format(picture.format()),
        width(picture.width()),
        height(picture.height()),
        placement(place(input, width, height)),
        across(Taps::make(width, placement.width)),
        down(Taps::make(height, placement.height)) {
    if (format == PixelFormat::kI420) {
      chroma_across = Taps::make(picture.plane(1).width, placement.width, width);
      chroma_down = Taps::make(picture.plane(1).height, placement.height, height);
    }
    if (input.layout == Layout::kNhwc) row.resize(static_cast<size_t>(placement.width) * 3);
  }
  bool fits(const Picture& p) const { return p.format() == format && p.width() == width && p.height() == height; }
};

Preprocessor::Preprocessor(const InputSpec& input) : input_(input) {
  VEDETTE_ASSERT(input.width > 0 && input.height > 0);
}
Preprocessor::~Preprocessor() = default;
Preprocessor::Preprocessor(Preprocessor&&) noexcept = default;

size_t Preprocessor::tensor_size() const {
  return 3 * static_cast<size_t>(input_.width) * static_cast<size_t>(input_.height);
}

void Preprocessor::use_portable_code(bool portable) { portable_ = portable; }

Placement Preprocessor::run(const Picture& picture, float* tensor) {
  if (!plan_ || !plan_->fits(picture)) plan_ = std::make_unique<Plan>(picture, input_);
  const Placement& placed = plan_->placement;
  const RowKernels& kernels = portable_ ? portable_kernels() : best_kernels();
  const bool yuv = picture.format() == PixelFormat::kI420;
  const bool planar = input_.layout == Layout::kNchw;

  // Kernels count channels red, green, blue for YUV and blue, green, red for BGR; the tensor in the card's order.
  const bool reversed = yuv == (input_.color == ColorOrder::kBgr);
  const auto channel = [&](size_t c) { return reversed ? 2 - c : c; };
  RowColor color, packed;  // by the kernel's channels; by the tensor's
  if (yuv) set_matrix(picture, color);
  float blank[3];
  for (size_t c = 0; c < 3; ++c) {
    const size_t of = channel(c);
    color.scale[c] = (yuv ? 1.f : 1.f / kTapOne) / input_.std[of];
    color.bias[c] = -input_.mean[of] / input_.std[of];
    packed.scale[c] = 1.f / kTapOne / input_.std[c];
    packed.bias[c] = -input_.mean[c] / input_.std[c];
    blank[c] = (input_.pad[c] - input_.mean[c]) / input_.std[c];
  }

  const auto width = static_cast<size_t>(input_.width), height = static_cast<size_t>(input_.height);
  const auto left = static_cast<size_t>(placed.left), shown = static_cast<size_t>(placed.width);
  const auto clear = [&](size_t y, size_t from, size_t to) {
    if (planar) {
      for (size_t c = 0; c < 3; ++c) std::fill_n(tensor + (c * height + y) * width + from, to - from, blank[c]);
    } else {
      for (float* out = tensor + (y * width + from) * 3; from < to; ++from, out += 3) std::copy_n(blank, 3, out);
    }
  };

  for (size_t y = 0; y < height; ++y) {
    const int at = static_cast<int>(y) - placed.top;
    if (at < 0 || at >= placed.height) {
      clear(y, 0, width);
      continue;
    }
    if (left > 0) clear(y, 0, left);
    if (left + shown < width) clear(y, left + shown, width);

    if (!planar && picture.format() == PixelFormat::kBgr) {
      kernels.bgr_packed(rows_of(picture.plane(0), plan_->down, at), plan_->across, packed, reversed,
                         tensor + (y * width + left) * 3);
      continue;
    }
    float* out[3];
    for (size_t c = 0; c < 3; ++c)
      out[c] = planar ? tensor + (channel(c) * height + y) * width + left : plan_->row.data() + channel(c) * shown;
    const RowSource first = rows_of(picture.plane(0), plan_->down, at);
    if (yuv) {
      const RowSource planes[3] = {first, rows_of(picture.plane(1), plan_->chroma_down, at),
                                   rows_of(picture.plane(2), plan_->chroma_down, at)};
      kernels.yuv(planes, plan_->across, plan_->chroma_across, color, out);
    } else {
      (picture.format() == PixelFormat::kBgr ? kernels.bgr : kernels.gray)(first, plan_->across, color, out);
    }
    if (!planar) {
      const float* row = plan_->row.data();
      kernels.interleave(row, row + shown, row + 2 * shown, placed.width, tensor + (y * width + left) * 3);
    }
  }
  return placed;
}

}  // namespace vedette::infer
