#include <fmt/format.h>

#include <cmath>

#include "vedette/convert/ops.h"

namespace vedette::convert {
namespace {

/// A window that slides over height and width: what convolutions and pools have in common.
struct Window {
  std::vector<int64_t> kernel;    ///< height, width
  std::vector<int64_t> strides;   ///< likewise
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;      ///< top, left, bottom, right
  std::vector<int64_t> out;       ///< height, width of the result
};

/// Height and width of an attribute such as strides = [1, h, w, 1].
std::vector<int64_t> height_width(OpContext& c, std::string_view key) {
  const std::vector<int64_t> list = c.attr_ints(key);
  if (list.empty()) return {1, 1};
  if (list.size() != 4 || list[0] != 1 || list[3] != 1) c.fail(fmt::format("'{}' must be [1,h,w,1]", key));
  for (const int64_t size : {list[1], list[2]}) {
    if (size < 1 || size > 4096) c.fail(fmt::format("'{}' is out of range", key));
  }
  return {list[1], list[2]};
}

/// TensorFlow's rule: SAME gives ceil(size / stride) with the odd pixel of padding at the end.
Window slide(OpContext& c, const Shape& nhwc, std::vector<int64_t> kernel) {
  if (c.attr_text("data_format", "NHWC") != "NHWC") c.fail("only data_format NHWC is supported");
  Window w{std::move(kernel), height_width(c, "strides"), height_width(c, "dilations"), {0, 0, 0, 0}, {}};
  const std::string padding = c.attr_text("padding", "VALID");
  const std::vector<int64_t> given = c.attr_ints("explicit_paddings");
  if (padding == "EXPLICIT" && given.size() != 8) c.fail("'explicit_paddings' must hold 8 numbers");
  for (size_t i = 0; i < 2; ++i) {
    const int64_t size = nhwc[i + 1];
    const int64_t reach = (w.kernel[i] - 1) * w.dilations[i] + 1;
    if (padding == "SAME") {
      const int64_t out = (size + w.strides[i] - 1) / w.strides[i];
      const int64_t total = std::max<int64_t>((out - 1) * w.strides[i] + reach - size, 0);
      w.pads[i] = total / 2;
      w.pads[i + 2] = total - total / 2;
    } else if (padding == "EXPLICIT") {
      w.pads[i] = given[2 * i + 2];
      w.pads[i + 2] = given[2 * i + 3];
    } else if (padding != "VALID") {
      c.fail(fmt::format("unknown padding '{}'", padding));
    }
    for (const int64_t pad : {w.pads[i], w.pads[i + 2]}) {
      if (pad < 0 || pad > 65536) c.fail("a padding is out of range");
    }
    const int64_t room = size + w.pads[i] + w.pads[i + 2] - reach;
    if (room < 0) c.fail(fmt::format("the window is larger than its input {}", to_string(nhwc)));
    w.out.push_back(room / w.strides[i] + 1);
  }
  return w;
}

/// Takes a Pad before a VALID window into the window's own padding, which saves a pass over the tensor, when that means
/// the same: the filler is what the operator takes its own padding to be. Returns the tensor that the window slides
/// over.
Value take_padding(OpContext& c, const Value& x, float own_filler, Window& w) {
  const Emitter::Padding* padding = c.emit().find_padding(x);
  if (padding == nullptr || padding->filler != own_filler || w.pads != std::vector<int64_t>{0, 0, 0, 0}) return x;
  // The padded tensor may have been transposed since, which only changed its layout: the tensor inside has the same.
  Value inside = padding->inside;
  inside.layout = x.layout;
  inside.shape = x.shape;
  std::vector<int64_t> before;
  std::vector<int64_t> after;
  for (int axis = 0; axis < 4; ++axis) {
    const auto stored = static_cast<size_t>(x.stored_axis(axis));
    before.push_back(padding->before[stored]);
    after.push_back(padding->after[stored]);
    inside.shape[static_cast<size_t>(axis)] -= before.back() + after.back();
  }
  if (before[0] != 0 || after[0] != 0 || before[3] != 0 || after[3] != 0) return x;
  // ONNX pools may not have a window that lies wholly in the padding.
  for (size_t i = 0; i < 2; ++i) {
    if (before[i + 1] >= w.kernel[i] || after[i + 1] >= w.kernel[i]) return x;
  }
  w.pads = {before[1], before[2], after[1], after[2]};
  return inside;
}

Value convolution(OpContext& c, const Value& input, Tensor kernel, int64_t groups, std::vector<int64_t> size) {
  Window w = slide(c, input.shape, std::move(size));
  const Value x = take_padding(c, input, 0.0F, w);
  const int64_t channels = kernel.shape[0];
  std::string weights = c.emit().graph().unique(c.name() + "/kernel");
  c.emit().graph().add_initializer(weights, std::move(kernel));
  return c.emit().node("Conv", c.name(), {c.emit().stored(x, kChannelsSecond), weights},
                       {x.shape[0], w.out[0], w.out[1], channels}, kChannelsSecond,
                       {{"dilations", w.dilations},
                        {"group", groups},
                        {"kernel_shape", w.kernel},
                        {"pads", w.pads},
                        {"strides", w.strides}});
}

const Tensor& kernel_of(OpContext& c) {
  c.floats(1);
  return *c.input(1, 4).constant;
}

std::vector<Value> conv2d(OpContext& c) {
  const Value& x = c.input(0, 4);
  const Tensor& kernel = kernel_of(c);  // height, width, in, out
  const int64_t in = kernel.shape[2];
  if (in == 0 || x.shape[3] % in != 0) {
    c.fail(fmt::format("kernel {} does not fit input {}", to_string(kernel.shape), to_string(x.shape)));
  }
  return {convolution(c, x, transposed(kernel, {3, 2, 0, 1}), x.shape[3] / in, {kernel.shape[0], kernel.shape[1]})};
}

std::vector<Value> depthwise(OpContext& c) {
  const Value& x = c.input(0, 4);
  const Tensor& kernel =
      kernel_of(c);  // height, width, channel, multiplier; output channel = channel · multipliers + multiplier
  const Shape& k = kernel.shape;
  if (k[2] == 0 || x.shape[3] != k[2])
    c.fail(fmt::format("kernel {} does not fit input {}", to_string(k), to_string(x.shape)));
  Tensor weights = reshaped(transposed(kernel, {2, 3, 0, 1}), {k[2] * k[3], 1, k[0], k[1]});
  return {convolution(c, x, std::move(weights), k[2], {k[0], k[1]})};
}

std::vector<Value> pool(OpContext& c, const std::string& onnx_op, OnnxAttributes attributes) {
  Window w = slide(c, c.input(0, 4).shape, height_width(c, "ksize"));
  // An average counts only what is inside, so a pad before it is never the same.
  const Value x = onnx_op == "MaxPool" ? take_padding(c, c.input(0), -INFINITY, w) : c.input(0);
  attributes.insert(attributes.end(), {{"kernel_shape", w.kernel}, {"pads", w.pads}, {"strides", w.strides}});
  return {c.emit().node(onnx_op, c.name(), {c.emit().stored(x, kChannelsSecond)},
                        {x.shape[0], w.out[0], w.out[1], x.shape[3]}, kChannelsSecond, std::move(attributes))};
}

std::vector<Value> max_pool(OpContext& c) { return pool(c, "MaxPool", {}); }
std::vector<Value> avg_pool(OpContext& c) { return pool(c, "AveragePool", {{"count_include_pad", int64_t{0}}}); }

std::vector<Value> batch_norm(OpContext& c) {
  const Value& x = c.input(0, 4);
  if (c.attr_text("data_format", "NHWC") != "NHWC") c.fail("only data_format NHWC is supported");
  if (c.attr_bool("is_training", true)) c.fail("the model is one for training");
  std::vector<std::string> inputs = {c.emit().stored(x, kChannelsSecond)};
  for (size_t i = 1; i < 5; ++i) {
    if (c.floats(i).size() != static_cast<size_t>(x.shape[3]))
      c.fail(fmt::format("input {} is not one number per channel", i));
    inputs.push_back(c.emit().stored(c.input(i, 1)));
  }
  return {c.emit().node("BatchNormalization", c.name(), std::move(inputs), x.shape, kChannelsSecond,
                        {{"epsilon", c.attr_float("epsilon", 1e-4F)}})};
}

std::vector<Value> pad(OpContext& c) {
  const Value& x = c.input(0);
  const std::vector<int64_t>& pads = c.ints(1);  // rows of (before, after), one per axis
  if (pads.size() != 2 * x.rank()) c.fail("the paddings are not one pair per axis");
  Shape shape = x.shape;
  for (size_t i = 0; i < pads.size(); ++i) {
    if (pads[i] < 0 || pads[i] > 65536) c.fail("a padding is out of range");
    shape[i / 2] += pads[i];
  }
  std::vector<int64_t> begins;
  std::vector<int64_t> ends;
  for (const int axis : x.layout) {
    begins.push_back(pads[static_cast<size_t>(2 * axis)]);
    ends.push_back(pads[static_cast<size_t>(2 * axis + 1)]);
  }
  std::vector<int64_t> pairs = begins;
  pairs.insert(pairs.end(), ends.begin(), ends.end());
  float filler = 0;
  if (c.input_count() > 2) {
    if (c.floats(2).size() != 1) c.fail("the filler is not one number");
    filler = c.floats(2).front();
  }
  std::vector<std::string> inputs = {c.emit().stored(x, x.layout), c.emit().ints(c.name() + "/pads", pairs),
                                     c.emit().floats(c.name() + "/filler", {filler}, {})};
  Value padded =
      c.emit().node("Pad", c.name(), std::move(inputs), shape, x.layout, {{"mode", std::string("constant")}});
  if (x.rank() == 4 && !x.is_constant()) {
    // Kept by stored axis: a Transpose may yet give the padded tensor other TensorFlow axes.
    c.emit().remember_padding(padded, {x, begins, ends, filler});
  }
  return {padded};
}

std::vector<Value> resize_bilinear(OpContext& c) {
  const Value& x = c.input(0, 4);
  const std::vector<int64_t>& size = c.ints(1);
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) c.fail("the size is not two positive numbers");
  std::string mode = "asymmetric";
  if (c.attr_bool("half_pixel_centers", false)) {
    mode = "half_pixel";
  } else if (c.attr_bool("align_corners", false)) {
    mode = "align_corners";
  }
  const std::string stored = c.emit().stored(x, kChannelsSecond);
  const std::string sizes = c.emit().ints(c.name() + "/sizes", {x.shape[0], x.shape[3], size[0], size[1]});
  return {c.emit().node("Resize", c.name(), {stored, "", "", sizes}, {x.shape[0], size[0], size[1], x.shape[3]},
                        kChannelsSecond, {{"coordinate_transformation_mode", mode}, {"mode", std::string("linear")}})};
}

constexpr OpEntry kEntries[] = {
    {"Conv2D", conv2d},
    {"DepthwiseConv2dNative", depthwise},
    {"MaxPool", max_pool},
    {"AvgPool", avg_pool},
    {"FusedBatchNorm", batch_norm},
    {"FusedBatchNormV2", batch_norm},
    {"FusedBatchNormV3", batch_norm},
    {"Pad", pad},
    {"PadV2", pad},
    {"ResizeBilinear", resize_bilinear},
};

}  // namespace

std::span<const OpEntry> spatial_ops() { return kEntries; }

}  // namespace vedette::convert
