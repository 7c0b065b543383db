#include <fmt/format.h>

#include <algorithm>

#include "vedette/convert/ops.h"

namespace vedette::convert {
namespace {

/// A value whose ONNX tensor is stored as TensorFlow sees it, from an ONNX operator that cares for the order of axes.
Value plain(OpContext& c, const std::string& onnx_op, const Value& x, std::vector<std::string> more_inputs,
            Shape shape) {
  std::vector<std::string> inputs = {c.emit().stored(x)};
  inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
  const Layout layout = identity_layout(shape.size());
  return c.emit().node(onnx_op, c.name(), std::move(inputs), std::move(shape), layout);
}

/// `x` in another shape of as many elements.
Value reshape_to(OpContext& c, const Value& x, Shape shape) {
  if (x.is_constant()) return c.emit().constant(c.name(), reshaped(*x.constant, std::move(shape)));
  const std::string target = c.emit().ints(c.name() + "/shape", shape);
  return plain(c, "Reshape", x, {target}, std::move(shape));
}

std::vector<Value> reshape(OpContext& c) {
  const Value& x = c.input(0);
  Shape shape = c.ints(1);
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& size : shape) {
    if (size == -1 && open == nullptr) {
      open = &size;
    } else if (size < 0 || size > kMostElements || known > kMostElements) {
      c.fail(fmt::format("the shape {} is not valid", to_string(shape)));
    } else {
      known *= size;
    }
  }
  const int64_t count = element_count(x.shape);
  if (open != nullptr && known > 0) *open = count / known;
  if ((open != nullptr && known == 0) || element_count(shape) != count) {
    c.fail(fmt::format("{} cannot become {}", to_string(x.shape), to_string(shape)));
  }
  return {reshape_to(c, x, std::move(shape))};
}

std::vector<Value> transpose(OpContext& c) {
  const Value& x = c.input(0);
  const std::vector<int64_t>& order = c.ints(1);
  std::vector<int> where(x.rank(), -1);
  if (order.size() != x.rank()) c.fail("the permutation does not fit the input");
  Value y = x;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto from = static_cast<size_t>(c.axis(order[i], x.rank()));
    if (where[from] != -1) c.fail("the permutation names an axis twice");
    where[from] = static_cast<int>(i);
    y.shape[i] = x.shape[from];
  }
  if (x.is_constant())
    return {c.emit().constant(c.name(), transposed(*x.constant, std::vector<int>(order.begin(), order.end())))};
  for (int& axis : y.layout) axis = where[static_cast<size_t>(axis)];
  y.source = c.name();
  return {y};
}

std::vector<Value> concat(OpContext& c) {
  if (c.input_count() < 2) c.fail("nothing to put together");
  const size_t count = c.input_count() - 1;
  const Value& first = c.input(0);
  const int axis = c.axis_input(count, first.rank());
  Layout layout = identity_layout(first.rank());
  bool chosen = false;
  Shape shape = first.shape;
  shape[static_cast<size_t>(axis)] = 0;
  for (size_t i = 0; i < count; ++i) {
    const Value& x = c.input(i, first.rank());
    for (size_t a = 0; a < shape.size(); ++a) {
      if (a == static_cast<size_t>(axis)) {
        shape[a] += x.shape[a];
      } else if (x.shape[a] != shape[a]) {
        c.fail(fmt::format("{} does not go with {}", to_string(x.shape), to_string(first.shape)));
      }
    }
    if (!x.is_constant() && !chosen) {
      layout = x.layout;
      chosen = true;
    }
  }
  std::vector<std::string> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(c.emit().stored(c.input(i), layout));
  const auto stored_axis = static_cast<int64_t>(std::find(layout.begin(), layout.end(), axis) - layout.begin());
  return {c.emit().node("Concat", c.name(), std::move(inputs), shape, layout, {{"axis", stored_axis}})};
}

/// Stacks along a new axis. Shape arithmetic stacks whole numbers, each a scalar or, in models of older converters, a
/// list of one.
std::vector<Value> pack(OpContext& c) {
  const bool whole = std::all_of(c.inputs().begin(), c.inputs().end(), [](const Value& v) {
    return v.is_constant() && !v.constant->is_float() && element_count(v.shape) == 1;
  });
  if (c.input_count() == 0) c.fail("nothing to stack");
  if (whole) {
    std::vector<int64_t> values;
    for (size_t i = 0; i < c.input_count(); ++i) values.push_back(c.ints(i).front());
    const auto count = static_cast<int64_t>(values.size());
    return {c.emit().constant(c.name(), {{count}, std::move(values)})};
  }
  const Value& first = c.input(0);
  const int64_t axis = c.axis(c.attr_int("axis", 0), first.rank() + 1);
  const std::string axes = c.emit().ints(c.name() + "/axis", {axis});
  std::vector<std::string> inputs;
  Shape each = first.shape;
  each.insert(each.begin() + axis, 1);
  for (const Value& x : c.inputs()) {
    if (x.shape != first.shape)
      c.fail(fmt::format("{} does not go with {}", to_string(x.shape), to_string(first.shape)));
    inputs.push_back(plain(c, "Unsqueeze", x, {axes}, each).name);
  }
  each[static_cast<size_t>(axis)] = static_cast<int64_t>(inputs.size());
  return {c.emit().node("Concat", c.name(), std::move(inputs), each, identity_layout(each.size()), {{"axis", axis}})};
}

std::vector<Value> split_into(OpContext& c, const Value& x, int axis, const std::vector<int64_t>& sizes) {
  int64_t total = 0;
  std::vector<Shape> shapes;
  for (const int64_t size : sizes) {
    if (size < 0 || size > kMostElements) c.fail("a part's size is out of range");
    shapes.push_back(x.shape);
    shapes.back()[static_cast<size_t>(axis)] = size;
    total += size;
  }
  if (sizes.empty() || total != x.shape[static_cast<size_t>(axis)]) c.fail("the parts do not add up to the whole");
  const std::string whole = c.emit().stored(x, x.layout);
  return c.emit().nodes("Split", c.name(), {whole, c.emit().ints(c.name() + "/sizes", sizes)}, shapes, x.layout,
                        {{"axis", int64_t{x.stored_axis(axis)}}});
}

std::vector<Value> split_v(OpContext& c) {
  const Value& x = c.input(0);
  return split_into(c, x, c.axis_input(2, x.rank()), c.ints(1));
}

std::vector<Value> split(OpContext& c) {
  const Value& x = c.input(1);
  const int axis = c.axis_input(0, x.rank());
  const int64_t parts = c.attr_int("num_split", 1);
  const int64_t size = x.shape[static_cast<size_t>(axis)];
  if (parts < 1 || parts > 4096 || size % parts != 0) c.fail("the parts do not add up to the whole");
  return split_into(c, x, axis, std::vector<int64_t>(static_cast<size_t>(parts), size / parts));
}

std::vector<Value> unpack(OpContext& c) {
  const Value& x = c.input(0);
  const int axis = c.axis(c.attr_int("axis", 0), x.rank());
  const int64_t parts = x.shape[static_cast<size_t>(axis)];
  if (parts < 1 || parts > 4096) c.fail(fmt::format("{} parts", parts));
  Shape shape = x.shape;
  shape.erase(shape.begin() + axis);
  std::vector<Value> values;
  for (const Value& part : split_into(c, x, axis, std::vector<int64_t>(static_cast<size_t>(parts), 1))) {
    const std::string axes = c.emit().ints(c.name() + "/axis", {axis});
    values.push_back(plain(c, "Squeeze", part, {axes}, shape));
  }
  return values;
}

std::vector<Value> squeeze(OpContext& c) {
  const Value& x = c.input(0);
  std::vector<int64_t> axes = c.attr_ints("squeeze_dims");
  if (axes.empty()) axes = c.attr_ints("axis");
  std::vector<bool> dropped(x.rank(), false);
  for (const int64_t axis : axes) {
    const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
    if (x.shape[at] != 1) c.fail(fmt::format("axis {} of {} is not 1", at, to_string(x.shape)));
    dropped[at] = true;
  }
  Shape shape;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (axes.empty() ? x.shape[i] != 1 : !dropped[i]) shape.push_back(x.shape[i]);
  }
  return {reshape_to(c, x, std::move(shape))};
}

std::vector<Value> expand_dims(OpContext& c) {
  const Value& x = c.input(0);
  Shape shape = x.shape;
  shape.insert(shape.begin() + c.axis_input(1, x.rank() + 1), 1);
  return {reshape_to(c, x, std::move(shape))};
}

std::vector<Value> slice(OpContext& c) {
  const Value& x = c.input(0);
  const std::vector<int64_t>& begin = c.ints(1);
  const std::vector<int64_t>& size = c.ints(2);
  if (begin.size() != x.rank() || size.size() != x.rank()) c.fail("begin and size are not one number per axis");
  Shape shape;
  std::vector<int64_t> starts;
  std::vector<int64_t> ends;
  for (size_t i = 0; i < x.rank(); ++i) {
    const int64_t count = size[i] == -1 ? x.shape[i] - begin[i] : size[i];
    if (begin[i] < 0 || count < 0 || begin[i] > x.shape[i] || count > x.shape[i] - begin[i]) {
      c.fail(fmt::format("the slice is not within {}", to_string(x.shape)));
    }
    shape.push_back(count);
  }
  for (const int axis : x.layout) {
    starts.push_back(begin[static_cast<size_t>(axis)]);
    ends.push_back(starts.back() + shape[static_cast<size_t>(axis)]);
  }
  const std::string whole = c.emit().stored(x, x.layout);
  const std::string first = c.emit().ints(c.name() + "/begin", starts);
  const std::string last = c.emit().ints(c.name() + "/end", ends);
  return {c.emit().node("Slice", c.name(), {whole, first, last}, shape, x.layout)};
}

/// Of a list of whole numbers only, as shape arithmetic uses it.
std::vector<Value> strided_slice(OpContext& c) {
  const std::vector<int64_t>& list = c.ints(0);
  c.input(0, 1);
  for (size_t i = 1; i < 4; ++i) {
    if (c.ints(i).size() != 1) c.fail("only one begin, end and stride are supported");
  }
  if (c.attr_int("ellipsis_mask", 0) != 0 || c.attr_int("new_axis_mask", 0) != 0 || c.ints(3).front() != 1) {
    c.fail("only plain ranges are supported");
  }
  const auto count = static_cast<int64_t>(list.size());
  const auto within = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count); };
  const int64_t begin = (c.attr_int("begin_mask", 0) & 1) != 0 ? 0 : within(c.ints(1).front());
  int64_t end = (c.attr_int("end_mask", 0) & 1) != 0 ? count : within(c.ints(2).front());
  const bool one = (c.attr_int("shrink_axis_mask", 0) & 1) != 0;
  if (one && begin >= count) c.fail("the element is not within the list");
  if (one) end = begin + 1;
  std::vector<int64_t> values(list.begin() + begin, list.begin() + std::max(begin, end));
  Shape shape;
  if (!one) shape.push_back(static_cast<int64_t>(values.size()));
  return {c.emit().constant(c.name(), {std::move(shape), std::move(values)})};
}

std::vector<Value> shape_of(OpContext& c) {
  const Shape& shape = c.input(0).shape;
  return {c.emit().constant(c.name(), {{static_cast<int64_t>(shape.size())}, shape})};
}

std::vector<Value> tile(OpContext& c) {
  const Value& x = c.input(0);
  const std::vector<int64_t>& times = c.ints(1);
  if (times.size() != x.rank()) c.fail("the multiples are not one number per axis");
  if (std::all_of(times.begin(), times.end(), [](int64_t n) { return n == 1; })) return {x};
  Shape shape = x.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (times[i] < 0 || times[i] > 65536) c.fail("a multiple is out of range");
    shape[i] *= times[i];
  }
  return {plain(c, "Tile", x, {c.emit().ints(c.name() + "/multiples", times)}, shape)};
}

/// Of constants only: converters leave it behind where a shape was put together.
std::vector<Value> sparse_to_dense(OpContext& c) {
  const std::vector<int64_t>& indices = c.ints(0);  // one row of coordinates per value
  const Shape& shape = c.ints(1);
  const std::vector<int64_t>& values = c.ints(2);
  const std::vector<int64_t>& filler = c.ints(3);
  if (shape.empty() || filler.size() != 1 || indices.size() % shape.size() != 0)
    c.fail("the constants do not fit each other");
  const size_t count = indices.size() / shape.size();
  if (values.size() != count && values.size() != 1) c.fail("the values are not one per index");
  std::vector<int64_t> dense(static_cast<size_t>(element_count(shape)), filler.front());
  for (size_t i = 0; i < count; ++i) {
    int64_t at = 0;
    for (size_t a = 0; a < shape.size(); ++a) {
      const int64_t index = indices[i * shape.size() + a];
      if (index < 0 || index >= shape[a]) c.fail("an index is out of range");
      at = at * shape[a] + index;
    }
    dense[static_cast<size_t>(at)] = values[values.size() == 1 ? 0 : i];
  }
  return {c.emit().constant(c.name(), {shape, std::move(dense)})};
}

constexpr OpEntry kEntries[] = {
    {"Reshape", reshape},
    {"Transpose", transpose},
    {"ConcatV2", concat},
    {"Pack", pack},
    {"SplitV", split_v},
    {"Split", split},
    {"Unpack", unpack},
    {"Squeeze", squeeze},
    {"ExpandDims", expand_dims},
    {"Slice", slice},
    {"StridedSlice", strided_slice},
    {"Shape", shape_of},
    {"Tile", tile},
    {"SparseToDense", sparse_to_dense},
};

}  // namespace

std::span<const OpEntry> shape_ops() { return kEntries; }

}  // namespace vedette::convert
