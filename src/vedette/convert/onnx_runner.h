#pragma once

#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vedette/convert/tensor.h"

namespace vedette::convert {

/// For tests: an ONNX model with one input, run on one thread by ONNX Runtime.
class OnnxRunner {
 public:
  struct Output {
    Shape shape;
    std::vector<float> values;
  };

  explicit OnnxRunner(const std::string& bytes) : session_(environment(), bytes.data(), bytes.size(), options()) {
    read_ports();
  }
  explicit OnnxRunner(const std::filesystem::path& path) : session_(environment(), path.c_str(), options()) {
    read_ports();
  }

  const std::string& input() const { return input_; }
  const Shape& input_shape() const { return input_shape_; }

  /// Outputs by name.
  std::map<std::string, Output> run(std::vector<float> values) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const Ort::Value tensor =
        Ort::Value::CreateTensor<float>(memory, values.data(), values.size(), input_shape_.data(), input_shape_.size());
    const char* input = input_.c_str();
    std::vector<const char*> names;
    for (const std::string& name : outputs_) names.push_back(name.c_str());
    const auto results = session_.Run(Ort::RunOptions{}, &input, &tensor, 1, names.data(), names.size());
    std::map<std::string, Output> outputs;
    for (size_t i = 0; i < results.size(); ++i) {
      const auto info = results[i].GetTensorTypeAndShapeInfo();
      const auto* data = results[i].GetTensorData<float>();
      outputs[outputs_[i]] = {info.GetShape(), std::vector<float>(data, data + info.GetElementCount())};
    }
    return outputs;
  }

 private:
  static Ort::Env& environment() {
    static Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "convert_test");
    return env;
  }
  static Ort::SessionOptions options() {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    return options;
  }
  void read_ports() {
    Ort::AllocatorWithDefaultOptions allocator;
    input_ = session_.GetInputNameAllocated(0, allocator).get();
    input_shape_ = session_.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
    for (size_t i = 0; i < session_.GetOutputCount(); ++i)
      outputs_.emplace_back(session_.GetOutputNameAllocated(i, allocator).get());
  }

  Ort::Session session_;
  std::string input_;
  Shape input_shape_;
  std::vector<std::string> outputs_;
};

}  // namespace vedette::convert
