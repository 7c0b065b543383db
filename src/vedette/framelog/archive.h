#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/framelog/file_system.h"
#include "vedette/framelog/history.h"
#include "vedette/framelog/keyring.h"
#include "vedette/framelog/segment_file.h"

namespace vedette::framelog {

struct ArchiveOptions {
  std::string folder{};        ///< of this camera alone
  std::string camera{};
  Keyring keys{};
  std::optional<Duration> max_age{};      ///< segments whose newest frame is older are removed
  std::optional<uint64_t> max_bytes{};    ///< of all files; the oldest goes first
  size_t cache_bytes = size_t{128} << 20; ///< segments kept in memory after they were read, together
  /// At the start the newest files up to so many bytes are checked byte for byte; of the others only header, index and
  /// size are, and their bytes when they are first read.
  uint64_t verify_bytes = uint64_t{1} << 30;
  FileSystem* files = nullptr;  ///< null: the machine's own
  /// Touches nothing: bad files stay where they are, nothing is removed. Another process may write meanwhile.
  bool read_only = false;
};

/// One file of an archive that is served.
struct ArchivedSegment {
  std::string name;
  SegmentRange range;
  uint32_t records = 0;
  uint64_t file_bytes = 0;
  uint64_t key_id = 0;  ///< 0: plain
};

/// A file that is not served, and why.
struct RejectedFile {
  enum class Reason { kTorn, kTampered, kUnknownKey, kForeign, kLeftover, kUnreadable };
  std::string name;
  Reason reason = Reason::kTorn;
  std::string line;  ///< the file, what is wrong with it and what was done, in one line
};
std::string_view to_string(RejectedFile::Reason reason);
RejectedFile::Reason reason_of(SegmentFault::Kind kind);

/// FIRST-LAST.seg, by sequence numbers of 20 digits; with .tmp behind it while it is written.
struct SegmentName {
  static constexpr std::string_view kSuffix = ".seg";
  static constexpr std::string_view kUnfinished = ".tmp";
  static std::string of(const SegmentRange& range);
};

/// A camera's sealed segments on disk. A file appears whole or not at all (written aside, fsync, rename, fsync of the
/// folder). Thread-safe; reads run beside a write.
class Archive final : public History {
 public:
  /// Recovers: lists the folder (made when missing), removes what an interrupted write left, moves torn and tampered
  /// files aside as NAME.bad, leaves files whose key is not given, logs a line for each (one for all of a key), serves
  /// the rest. Throws Error only when the folder cannot be used at all.
  explicit Archive(ArchiveOptions options);

  const std::string& camera() const { return options_.camera; }
  std::vector<RejectedFile> rejected() const;
  /// Oldest first; ranges do not overlap.
  std::vector<ArchivedSegment> segments() const;
  uint64_t file_bytes() const;
  /// Where a log goes on: one more than the last sequence number, and the last time.
  uint64_t next_sequence() const;
  std::optional<Timestamp> last_time() const;

  /// Writes records [begin, end) of a segment as one file. When it returns they survive a power cut, and files whose
  /// whole range they cover are removed. Throws Error; nothing is left behind then.
  void write(const Segment& segment, uint32_t begin, uint32_t end);
  /// Removes the files beyond max_age and max_bytes; returns how many frames went. Throws Error.
  uint64_t retain(Timestamp now);
  /// Seals every file that is not sealed by the first key again with it; returns how many. Throws Error.
  size_t reseal();
  /// Checks every file byte for byte; `each` is told of every file (empty line: it is good). Returns how many are bad.
  size_t verify(const std::function<void(const ArchivedSegment&, const std::string& fault)>& each);

  // History. A file that turns out bad is moved aside and named in the log, and the answer comes from the others.
  // Throws Error(kExhausted) without memory or descriptors.
  SegmentPtr from_time(int64_t time_us) override;
  SegmentPtr up_to_time(int64_t time_us) override;
  SegmentPtr from_sequence(uint64_t sequence) override;
  /// Files found bad after the start.
  uint64_t lost_files() const { return lost_files_.load(); }

 private:
  struct Loaded {
    std::string name;
    SegmentPtr segment;
  };
  static constexpr int kMostLooks = 4;  // at the folder in a row, while another process changes it
  void look();
  /// What is found while a folder is looked through.
  struct Look {
    std::vector<ArchivedSegment> good{};
    uint64_t verified = 0;  // bytes
    bool gone = false;  // a file was there no more when its turn came
    std::map<uint64_t, size_t> unknown_keys{};  // how many files
  };
  Look examine_all();
  std::optional<ArchivedSegment> examine(const FileInfo& file, Look& look);
  void make_folder();
  void make_way(const std::string& name);
  bool has(const std::string& name) const;
  void lose(const std::string& name, RejectedFile::Reason reason, const std::string& why);
  bool reject(const std::string& name, RejectedFile::Reason reason, const std::string& why);
  std::string path(const std::string& name) const { return options_.folder + "/" + name; }
  ReadAt reader(const std::string& name) const;
  template <typename Choose>
  SegmentPtr find(Choose choose);
  SegmentPtr load(const ArchivedSegment& file);
  void forget(const std::string& name);
  void write_image(const SegmentImage& image, const std::string& name);

  ArchiveOptions options_;
  FileSystem& files_;
  std::atomic<uint64_t> lost_files_{0};
  bool folder_made_ = false;  // of who writes
  std::atomic<uint64_t> unread_next_sequence_ = 0;  // behind the files whose key is not given
  std::atomic<int64_t> unread_last_time_us_ = INT64_MIN;
  mutable std::mutex mutex_;  // of the members below; never held while a file is read or written
  std::vector<RejectedFile> rejected_;
  std::vector<ArchivedSegment> segments_;  // by range
  std::list<Loaded> cache_;  // newest use first
};

}  // namespace vedette::framelog
