#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vedette/framelog/store.h"

namespace vedette::framelog {

struct LogSetOptions {
  LogOptions log{};             ///< of every camera; `camera`, `first_sequence` and `last_time` are set per log
  std::string folder{};         ///< one folder a camera below it; empty: frames are kept in memory only
  StoreOptions store{};         ///< of every camera; `archive.folder` and `archive.camera` are set per log
  size_t max_cameras = 256;
};

/// The logs of a process by camera. Thread-safe.
class LogSet {
 public:
  explicit LogSet(LogSetOptions options) : options_(std::move(options)) {}
  ~LogSet();
  LogSet(const LogSet&) = delete;
  LogSet& operator=(const LogSet&) = delete;

  /// The camera's log, made (and recovered from disk) at the first call. Throws Error as Store, kUsage for an empty or
  /// too long name, kExhausted beyond max_cameras.
  std::shared_ptr<Log> open(const std::string& camera);
  /// Null when it was not opened.
  std::shared_ptr<Log> find(const std::string& camera) const;
  /// Null when it was not opened or is kept in memory only.
  std::shared_ptr<Store> store(const std::string& camera) const;
  /// Those that were opened. Sorted.
  std::vector<std::string> cameras() const;
  /// Those that have a folder on the disk, opened or not. Sorted; none without a folder. Throws Error when it cannot be
  /// listed.
  std::vector<std::string> stored() const;
  /// Writes what there is and forgets the log; it lives on with whoever has it, closed.
  void close(const std::string& camera);

 private:
  struct Member {
    std::shared_ptr<Store> store;  // null: memory only
    std::shared_ptr<Log> log;
  };
  LogSetOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, Member> members_;
};

/// A camera's folder below a store's: its name with all but letters, digits, '-', '_' and inner dots as %XX.
std::string folder_name(const std::string& camera);
std::string camera_of_folder(const std::string& name);

}  // namespace vedette::framelog
