#pragma once

#include <string>

namespace Ort {
struct SessionOptions;
}

namespace vedette::infer {

/// Puts an execution provider ("cuda") before the CPU's. Throws Error(kInvalidConfig) listing those that this build
/// has, or Error(kUnavailable) when it is there but does not start (no device, no driver).
void add_provider(Ort::SessionOptions& options, const std::string& provider);

}  // namespace vedette::infer
