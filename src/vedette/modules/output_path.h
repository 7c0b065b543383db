#pragma once

#include <string>

#include "vedette/graph/module.h"

namespace vedette::modules {

/// A sink's path with `{stream}` and `{application}` filled in.
std::string output_path(const std::string& pattern, const graph::ModuleContext& context);

/// Holds a path for one writer in this process for as long as it lives, so that two streams never write into
/// each other's file.
class OutputClaim {
 public:
  /// Throws Error(kUsage) when another writer holds the path; creates nothing.
  explicit OutputClaim(const std::string& path);
  ~OutputClaim();
  OutputClaim(const OutputClaim&) = delete;
  OutputClaim& operator=(const OutputClaim&) = delete;

 private:
  std::string path_;
};

}  // namespace vedette::modules
