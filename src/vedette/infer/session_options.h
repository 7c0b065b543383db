#pragma once

#include <string>

#include "vedette/base/settings.h"

namespace vedette::infer {

/// How a model is run. Settings of every module that has a model.
struct SessionOptions {
  int instances = 1;            ///< runs at the same time, also of one frame's crops; the weights are loaded once
  int threads = 1;              ///< that one run may use
  int max_batch = 1;            ///< pictures in one run; models with a fixed batch of 1 run them one by one
  double batch_wait_ms = 0;     ///< so long a lone picture waits for others to share its run; 0: not at all
  std::string provider = "cpu"; ///< ONNX Runtime execution provider: cpu, cuda, tensorrt, openvino, xnnpack, …
  void fields(Fields& f);
  friend bool operator==(const SessionOptions&, const SessionOptions&) = default;
};

/// Names of the execution providers that this build of ONNX Runtime has, as `provider` takes them.
std::vector<std::string> available_providers();

}  // namespace vedette::infer
