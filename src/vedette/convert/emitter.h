#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vedette/convert/onnx_graph.h"
#include "vedette/convert/tensor.h"

namespace vedette::convert {

/// How a tensor lies in the ONNX graph: axis p of the stored tensor is axis layout[p] of the TensorFlow tensor that it
/// stands for. {0,1,2,3} is stored as it is; {0,3,1,2} is a TensorFlow NHWC tensor stored as NCHW.
using Layout = std::vector<int>;

Layout identity_layout(size_t rank);
/// An NHWC tensor stored as NCHW, which is what ONNX convolutions, pools and resizes take.
inline const Layout kChannelsSecond = {0, 3, 1, 2};

/// A TensorFlow tensor on its way through the conversion. Its shape is always known; a constant's values are too, and
/// then it is in the ONNX graph only once something asks for it. TensorFlow's Transposes cost nothing: they change the
/// layout, and only what cannot be done in the layout at hand moves data.
struct Value {
  Shape shape;                       ///< as TensorFlow sees it
  Layout layout;                     ///< of the tensor `name`
  std::string name;                  ///< of the ONNX tensor; empty for a constant
  const Tensor* constant = nullptr;  ///< owned by the model or the emitter
  std::string source;                ///< the TensorFlow node, for names and messages

  bool is_constant() const { return constant != nullptr; }
  size_t rank() const { return shape.size(); }
  /// Where axis `axis` of the TensorFlow tensor lies in the stored one.
  int stored_axis(int axis) const;
};

/// Puts nodes and constants into an ONNX graph and keeps track of layouts.
class Emitter {
 public:
  explicit Emitter(OnnxGraph& graph) : graph_(graph) {}

  /// One ONNX node whose only output is the value; `shape` is TensorFlow's, `layout` the stored one.
  Value node(const std::string& op, const std::string& source, std::vector<std::string> inputs, Shape shape,
             const Layout& layout, OnnxAttributes attributes = {});
  /// One ONNX node with several outputs of one layout.
  std::vector<Value> nodes(const std::string& op, const std::string& source, std::vector<std::string> inputs,
                           const std::vector<Shape>& shapes, const Layout& layout, OnnxAttributes attributes = {});

  /// The name of an ONNX tensor that holds `value` in `layout`; adds a Transpose or a permuted constant when there is
  /// none yet. A constant of fewer axes than the layout first gets leading axes of 1, as broadcasting would give it.
  std::string stored(const Value& value, const Layout& layout);
  std::string stored(const Value& value) { return stored(value, identity_layout(value.rank())); }

  /// A new constant in the graph: shapes, axes, pads.
  std::string ints(const std::string& source, const std::vector<int64_t>& values);
  std::string floats(const std::string& source, std::vector<float> values, Shape shape);

  /// A constant value that the emitter owns.
  Value constant(const std::string& source, Tensor tensor);

  /// A tensor that Pad made larger, remembered so that what slides a window over it can do the padding itself.
  struct Padding {
    Value inside;
    std::vector<int64_t> before;  ///< one per stored axis
    std::vector<int64_t> after;
    float filler = 0;
  };
  void remember_padding(const Value& padded, Padding padding) {
    paddings_.insert_or_assign(padded.name, std::move(padding));
  }
  /// Null when Pad did not make the value.
  const Padding* find_padding(const Value& value) const;

  OnnxGraph& graph() { return graph_; }

 private:
  OnnxGraph& graph_;
  std::map<std::pair<std::string, Layout>, std::string> transposed_;
  std::map<std::pair<const Tensor*, Layout>, std::string> constants_;
  std::map<std::vector<int64_t>, std::string> int_lists_;
  std::map<std::string, Padding> paddings_;
  std::vector<std::unique_ptr<const Tensor>> owned_;
};

}  // namespace vedette::convert
