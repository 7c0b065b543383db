#include "vedette/infer/providers.h"

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/infer/session_options.h"

namespace vedette::infer {
namespace {

/// "CUDAExecutionProvider" → "CUDA".
std::string bare(const std::string& name) {
  const size_t end = name.find("ExecutionProvider");
  return end == std::string::npos ? name : name.substr(0, end);
}

std::string lower(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

void append(Ort::SessionOptions& options, const std::string& name) {
  const OrtApi& api = Ort::GetApi();
  if (name == "CUDA") {
    OrtCUDAProviderOptionsV2* cuda = nullptr;
    Ort::ThrowOnError(api.CreateCUDAProviderOptions(&cuda));
    const std::unique_ptr<OrtCUDAProviderOptionsV2, decltype(api.ReleaseCUDAProviderOptions)> owner(
        cuda, api.ReleaseCUDAProviderOptions);
    options.AppendExecutionProvider_CUDA_V2(*cuda);
  } else if (name == "Tensorrt") {
    OrtTensorRTProviderOptionsV2* tensorrt = nullptr;
    Ort::ThrowOnError(api.CreateTensorRTProviderOptions(&tensorrt));
    const std::unique_ptr<OrtTensorRTProviderOptionsV2, decltype(api.ReleaseTensorRTProviderOptions)> owner(
        tensorrt, api.ReleaseTensorRTProviderOptions);
    options.AppendExecutionProvider_TensorRT_V2(*tensorrt);
  } else if (name == "OpenVINO") {
    options.AppendExecutionProvider_OpenVINO_V2({});
  } else {
    options.AppendExecutionProvider(lower(name) == "xnnpack" ? "XNNPACK" : name, {});
  }
}

}  // namespace

std::vector<std::string> available_providers() {
  std::vector<std::string> names;
  for (const auto& name : Ort::GetAvailableProviders()) names.push_back(lower(bare(name)));
  std::sort(names.begin(), names.end());
  return names;
}

void add_provider(Ort::SessionOptions& options, const std::string& provider) {
  const std::string wanted = lower(provider);
  if (wanted == "cpu") return;
  for (const auto& name : Ort::GetAvailableProviders()) {
    if (lower(bare(name)) != wanted) continue;
    try {
      append(options, bare(name));
      return;
    } catch (const Ort::Exception& e) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("execution provider '{}' does not start: {}", provider, e.what()), "use provider: cpu");
    }
  }
  throw Error(ErrorCode::kInvalidConfig,
              fmt::format("this build of ONNX Runtime has no execution provider '{}'", provider),
              did_you_mean("", available_providers()));
}

}  // namespace vedette::infer
