#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/framelog/file_system.h"
#include "vedette/framelog/log.h"

namespace vedette::framelog::testing {

/// Bytes that say which frame they are of.
inline std::vector<std::byte> frame_bytes(uint64_t sequence, size_t size) {
  std::vector<std::byte> bytes(size);
  uint64_t state = sequence * 0x9E3779B97F4A7C15u + size;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

/// The size that frame_bytes has in tests that vary it.
inline size_t frame_size(uint64_t sequence) { return 100 + (sequence * 7919) % 3000; }

inline Timestamp time_of(uint64_t sequence) {
  return from_micros(1'700'000'000'000'000 + static_cast<int64_t>(sequence) * 1000);
}

inline uint64_t append_frame(Log& log, uint64_t sequence, size_t size) {
  RecordInfo info;
  info.time = time_of(sequence);
  info.sequence = sequence;
  info.width = 64;
  info.height = 48;
  return log.append(info, frame_bytes(sequence, size));
}

/// Whether a frame is what append_frame() put in.
inline bool is_right(const FrameRef& frame) {
  const auto expected = frame_bytes(frame.sequence(), frame.size_bytes());
  return frame.time() == time_of(frame.sequence()) &&
         std::equal(expected.begin(), expected.end(), frame.bytes().begin(), frame.bytes().end());
}

/// A folder of its own below the system's temporary one, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() / fmt::format("vedette-framelog-{:08x}{:08x}", random(), random());
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// One folder on a disk that loses what was not synced when its power is cut: of a file's bytes since its last sync()
/// any part is there, or garbage; of the renames, creations and removals since the last sync_folder() the first few.
class FakeDisk final : public FileSystem {
 public:
  explicit FakeDisk(uint64_t seed) : random_(seed) {}

  /// The power goes with the n-th operation from now on: it and all later ones throw.
  void cut_power_after(uint64_t operations) {
    const std::lock_guard lock(mutex_);
    left_ = operations;
  }
  /// What is there when the machine starts again.
  void restart() {
    const std::lock_guard lock(mutex_);
    const size_t kept = pending_.empty() ? 0 : random_() % (pending_.size() + 1);
    names_ = durable_;
    for (size_t i = 0; i < kept; ++i) pending_[i](names_);
    pending_.clear();
    durable_ = names_;
    for (auto& [name, node] : names_) {
      const size_t unsynced = node->bytes.size() - std::min(node->bytes.size(), node->synced);
      const size_t survives = unsynced == 0 ? 0 : random_() % (unsynced + 1);
      node->bytes.resize(std::min(node->bytes.size(), node->synced) + survives);
      for (size_t i = node->synced; i < node->bytes.size(); ++i) {
        if (random_() % 4 == 0) node->bytes[i] = std::byte{0};
      }
      node->synced = node->bytes.size();
    }
    left_ = UINT64_MAX;
  }
  void set_capacity_bytes(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    capacity_ = bytes;
  }
  uint64_t operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
  }
  std::vector<std::byte>& contents(const std::string& path) { return names_.at(path)->bytes; }

  std::vector<FileInfo> list(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    step();
    std::vector<FileInfo> files;
    for (const auto& [name, node] : names_) {
      if (name.starts_with(folder + "/")) files.push_back({name.substr(folder.size() + 1), node->bytes.size()});
    }
    return files;
  }
  void make_folder(const std::string& /*folder*/) override {}
  std::unique_ptr<FileWriter> create(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    step();
    auto node = std::make_shared<Node>();
    change([path, node](Names& names) { names[path] = node; });
    return std::make_unique<Writer>(*this, node);
  }
  void read(const std::string& path, uint64_t offset, std::span<std::byte> into) override {
    const std::lock_guard lock(mutex_);
    const auto& bytes = at(path).bytes;
    if (offset > bytes.size() || into.size() > bytes.size() - offset) {
      throw Error(ErrorCode::kInvalidData, path + " is too short");
    }
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
  }
  uint64_t size_bytes(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return at(path).bytes.size();
  }
  void rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    step();
    at(from);
    change([from, to](Names& names) {
      const auto found = names.find(from);
      if (found == names.end()) return;
      auto node = found->second;
      names.erase(found);
      names[to] = std::move(node);
    });
  }
  void remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    step();
    at(path);
    change([path](Names& names) { names.erase(path); });
  }
  void sync_folder(const std::string& /*folder*/) override {
    const std::lock_guard lock(mutex_);
    step();
    durable_ = names_;
    pending_.clear();
  }

 private:
  struct Node {
    std::vector<std::byte> bytes;
    size_t synced = 0;
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  class Writer final : public FileWriter {
   public:
    Writer(FakeDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}
    void write(std::span<const std::byte> bytes) override {
      const std::lock_guard lock(disk_.mutex_);
      disk_.step();
      uint64_t used = 0;
      for (const auto& [name, node] : disk_.names_) used += node->bytes.size();
      if (used + bytes.size() > disk_.capacity_) throw Error(ErrorCode::kExhausted, "cannot write: the disk is full");
      node_->bytes.insert(node_->bytes.end(), bytes.begin(), bytes.end());
    }
    void sync() override {
      const std::lock_guard lock(disk_.mutex_);
      disk_.step();
      node_->synced = node_->bytes.size();
    }

   private:
    FakeDisk& disk_;
    std::shared_ptr<Node> node_;
  };

  void step() {
    ++operations_;
    if (left_ == 0) throw Error(ErrorCode::kInternal, "the power is off");
    if (left_ != UINT64_MAX) --left_;
  }
  void change(const std::function<void(Names&)>& how) {
    how(names_);
    pending_.push_back(how);
  }
  Node& at(const std::string& path) {
    const auto found = names_.find(path);
    if (found == names_.end()) throw Error(ErrorCode::kNotFound, path + " is not there");
    return *found->second;
  }

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  Names names_, durable_;
  std::vector<std::function<void(Names&)>> pending_;
  uint64_t left_ = UINT64_MAX;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t operations_ = 0;
};

}  // namespace vedette::framelog::testing
