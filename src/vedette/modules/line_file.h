#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vedette/base/time.h"

namespace vedette::modules {

struct LineFileOptions {
  std::string path;                    ///< "-": standard output
  bool append = false;                 ///< go on with an earlier file; else it is kept as path.1 and a new one begun
  int64_t max_bytes = 0;  ///< a file that would grow beyond is kept as path.1 and a new one begun; 0: never
  int keep = 3;  ///< earlier files kept, path.1 the newest; 0: none
  Duration flush_interval{std::chrono::seconds(1)};
  size_t max_waiting_bytes = 4u << 20;  ///< kept while the disk does not take them; lines beyond are lost and counted
};

/// A text file of whole lines that outlives a full disk. Lines gather in memory and are written at the latest when the
/// first write() after `flush_interval` comes. While a write fails nothing is thrown away before `max_waiting_bytes`,
/// and it is tried again each `flush_interval`; a line that was cut in the middle goes on where it was cut. Lines are
/// never split between two files.
///
/// One thread at a time.
class LineFile {
 public:
  /// Opens or creates the file. Throws Error(kNotFound | kPermissionDenied | kExhausted | kInternal) with the path.
  LineFile(LineFileOptions options, MonotonicTime now);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// Takes lines, each with its line feed. False when they were lost because too much is waiting; all of them, or none.
  bool add(std::string_view lines, uint64_t count);

  /// Writes what is waiting if it is time to, or `now_please`. Throws Error (kExhausted for a full disk) at the first
  /// failure after a success, and only then.
  void write(MonotonicTime now, bool now_please = false);

  /// Writes what is waiting. Throws Error saying how many lines could not be written. No call may follow.
  void close(MonotonicTime now);

  bool failing() const { return failed_at_.has_value(); }
  uint64_t lost_lines() const { return lost_lines_; }  ///< so far

 private:
  void open(bool fresh);
  void rotate();
  void write_all();

  const LineFileOptions options_;
  int fd_ = -1;
  bool regular_ = false;  ///< may be rotated
  int64_t size_bytes_ = 0;  ///< of the file now open
  std::string waiting_;
  uint64_t waiting_lines_ = 0;
  bool mid_line_ = false;  ///< the file ends in the midst of a line
  uint64_t lost_lines_ = 0;
  uint64_t lost_before_ = 0;  ///< lost_lines_ when the failure began
  MonotonicTime written_at_;
  std::optional<MonotonicTime> failed_at_;
  std::string cause_;  ///< of the last failure
};

}  // namespace vedette::modules
