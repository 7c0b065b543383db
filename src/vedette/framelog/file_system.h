#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vedette::framelog {

struct FileInfo {
  std::string name;
  uint64_t size_bytes = 0;
};

/// A file being written.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  /// Returns when the bytes would survive a power cut.
  virtual void sync() = 0;
};

/// The seam between the store and the disk, so that tests can cut the power. Everything throws Error with the path:
/// kNotFound, kPermissionDenied, kExhausted (disk full), kInternal. From any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Files (no folders) of a folder in no order.
  virtual std::vector<FileInfo> list(const std::string& folder) = 0;
  /// The folder and those above it; they would survive a power cut.
  virtual void make_folder(const std::string& folder) = 0;
  /// Empty, replacing what was there.
  virtual std::unique_ptr<FileWriter> create(const std::string& path) = 0;
  /// Exactly `into.size()` bytes from `offset`; throws Error(kInvalidData) when the file is shorter.
  virtual void read(const std::string& path, uint64_t offset, std::span<std::byte> into) = 0;
  virtual uint64_t size_bytes(const std::string& path) = 0;
  /// Atomic; replaces.
  virtual void rename(const std::string& from, const std::string& to) = 0;
  virtual void remove(const std::string& path) = 0;
  /// Returns when renames and removals in it would survive a power cut.
  virtual void sync_folder(const std::string& folder) = 0;

  /// The machine's own.
  static FileSystem& system();
};

}  // namespace vedette::framelog
