#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "vedette/base/time.h"

namespace vedette::convert {

struct ProcessOptions {
  Duration deadline = std::chrono::minutes(1);
  /// More output than this ends the process early; the result then holds just this much.
  size_t most_output_bytes = size_t{64} << 10;
  /// Called about once a second with the time since the start; may be empty.
  std::function<void(Duration)> tick;
};

struct ProcessResult {
  int status = 0;         ///< exit status; 128 + signal when a signal ended it
  bool cut_short = false; ///< there was more output than allowed
  std::string output;     ///< standard output
  std::string errors;     ///< the last 4 KiB of standard error
};

/// Runs a program found on the PATH without a shell, with nothing on its standard input, and waits for it.
/// Throws Error(kNotFound) when there is no such program, Error(kTimeout) at the deadline (the program is killed), and
/// what errno says when the system refuses.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options);

/// A folder of our own under the system's folder for temporary files; gone with everything in it when this goes.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace vedette::convert
