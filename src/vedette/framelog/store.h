#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "vedette/base/time.h"
#include "vedette/framelog/archive.h"
#include "vedette/framelog/log.h"

namespace vedette::framelog {

struct StoreOptions {
  ArchiveOptions archive{};
  Duration flush_interval = std::chrono::seconds(5);  ///< frames of the open segment reach the disk after so long
  Duration retry_interval = std::chrono::seconds(10); ///< after a failure, such as a full disk
  const Clock* clock = nullptr;  ///< by which max_age is judged; null: the system's
};

struct StoreStats {
  uint64_t persisted_frames = 0;   ///< by this store since it began
  uint64_t lost_frames = 0;        ///< left memory before they could be written
  uint64_t removed_frames = 0;     ///< by retention
  uint64_t files = 0;
  uint64_t file_bytes = 0;
  uint64_t bad_files = 0;
  std::optional<std::string> trouble{};  ///< why nothing is written at present
};

/// Writes a log to its archive on a thread of its own, sealed segments whole and the open one now and then; applies
/// retention. Never holds the log's writer up and keeps no frames itself: what leaves the ring before it could be
/// written is counted as lost. When the disk is full or fails it says so once, tries again at intervals, and says when
/// it goes on.
class Store {
 public:
  /// Recovers the archive; then makes the log, which goes on where the archive ends, with the archive as its history.
  /// Throws Error as Archive and Log::make.
  Store(StoreOptions options, LogOptions log);
  /// Writes what there is, then stops. The log lives on with whoever has it.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const std::shared_ptr<Log>& log() const { return log_; }
  const std::shared_ptr<Archive>& archive() const { return archive_; }

  /// Writes everything appended so far; returns when it survives a power cut, or false at the deadline or when the disk
  /// refuses.
  bool flush(MonotonicTime deadline);
  /// Frames before this sequence number survive a power cut (those that were not lost).
  uint64_t persisted_up_to() const;
  StoreStats stats() const;

 private:
  void run(const std::stop_token& stop);
  void persist(bool with_open);
  void write_segments(bool with_open);
  bool retain();  // whether frames went
  SegmentPtr next_segment(bool with_open);
  void persist_segment(const Segment& segment);
  void report(const std::string& trouble);

  /// What the log's writer rings. It may outlive the store, as the log may.
  struct Bell {
    std::mutex mutex;  // of everything below in Store, too; held for a moment only
    std::condition_variable_any wake;
    bool sealed = false;  // a segment was sealed since the thread last looked
  };

  StoreOptions options_;
  std::shared_ptr<Archive> archive_;
  std::shared_ptr<Log> log_;
  std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::condition_variable_any flushed_;
  uint64_t flush_wanted_ = 0;        // tickets
  uint64_t flush_done_ = 0;
  bool flush_good_ = false;
  uint64_t next_sequence_ = 0;       // behind the last frame that was persisted
  uint64_t next_ordinal_ = 0;        // the next frame to persist, counted from the log's first
  StoreStats stats_;
  std::jthread thread_;
};

}  // namespace vedette::framelog
