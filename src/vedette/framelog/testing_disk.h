#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/framelog/file_system.h"

namespace vedette::framelog::testing {

/// One folder on a disk that loses what was not synced when its power is cut. Of a file's bytes since its last sync()
/// a beginning is there, with holes of zeros in it. Of the names since the last sync_folder() either the first few
/// changes are there (a journal), or each name is in any of the states it had, whatever the others are (none).
class FakeDisk final : public FileSystem {
 public:
  explicit FakeDisk(uint64_t seed) : random_(seed) {}

  /// The power goes with the n-th operation from now on: it and all later ones throw.
  void cut_power_after(uint64_t operations) {
    const std::lock_guard lock(mutex_);
    left_ = operations;
  }
  /// From now on so many of a hundred sync() calls say that they wrote and did not, as a disk with a cache may.
  void lie(uint64_t percent) {
    const std::lock_guard lock(mutex_);
    lies_percent_ = percent;
  }
  /// What is there when the machine starts again.
  void restart() {
    const std::lock_guard lock(mutex_);
    names_ = random_() % 2 == 0 ? after_some_changes() : any_state_of_each_name();
    pending_.clear();
    durable_ = names_;
    for (auto& [name, node] : names_) lose_unsynced(*node);
    left_ = UINT64_MAX;
  }
  void set_capacity_bytes(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    capacity_ = bytes;
  }
  std::vector<std::byte>& contents(const std::string& path) { return names_.at(path)->bytes; }
  /// A file out of nothing, durable.
  void put(const std::string& path, std::vector<std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    auto node = std::make_shared<Node>();
    node->bytes = std::move(bytes);
    node->synced = node->bytes.size();
    names_[path] = durable_[path] = std::move(node);
  }

  std::vector<FileInfo> list(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    step();
    std::vector<FileInfo> files;
    for (const auto& [name, node] : names_) {
      if (name.starts_with(folder + "/")) files.push_back({name.substr(folder.size() + 1), node->bytes.size()});
    }
    return files;
  }
  void make_folder(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    if (capacity_ == 0) throw Error(ErrorCode::kExhausted, "cannot create the folder " + folder + ": the disk is full");
  }
  std::unique_ptr<FileWriter> create(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    step();
    auto node = std::make_shared<Node>();
    change({{path, node}});
    return std::make_unique<Writer>(*this, node);
  }
  void read(const std::string& path, uint64_t offset, std::span<std::byte> into) override {
    const std::lock_guard lock(mutex_);
    const auto& bytes = at(path)->bytes;
    if (offset > bytes.size() || into.size() > bytes.size() - offset) {
      throw Error(ErrorCode::kInvalidData, path + " is too short");
    }
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
  }
  uint64_t size_bytes(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return at(path)->bytes.size();
  }
  void rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    step();
    change({{to, at(from)}, {from, nullptr}});
  }
  void remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    step();
    at(path);
    change({{path, nullptr}});
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
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr>;
  /// What one operation makes of names; null: gone.
  using Change = std::vector<std::pair<std::string, NodePtr>>;

  class Writer final : public FileWriter {
   public:
    Writer(FakeDisk& disk, NodePtr node) : disk_(disk), node_(std::move(node)) {}
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
      if (disk_.lies_percent_ == 0 || disk_.random_() % 100 >= disk_.lies_percent_) node_->synced = node_->bytes.size();
    }

   private:
    FakeDisk& disk_;
    NodePtr node_;
  };

  void step() {
    if (left_ == 0) throw Error(ErrorCode::kInternal, "the power is off");
    if (left_ != UINT64_MAX) --left_;
  }
  static void apply(const std::pair<std::string, NodePtr>& entry, Names& names) {
    if (entry.second == nullptr) {
      names.erase(entry.first);
    } else {
      names[entry.first] = entry.second;
    }
  }
  void change(Change what) {
    for (const auto& entry : what) apply(entry, names_);
    pending_.push_back(std::move(what));
  }
  Names after_some_changes() {
    Names names = durable_;
    const size_t kept = pending_.empty() ? 0 : random_() % (pending_.size() + 1);
    for (size_t i = 0; i < kept; ++i) {
      for (const auto& entry : pending_[i]) apply(entry, names);
    }
    return names;
  }
  Names any_state_of_each_name() {
    std::map<std::string, std::vector<NodePtr>> states;
    for (const auto& what : pending_) {
      for (const auto& [name, node] : what) states[name].push_back(node);
    }
    Names names = durable_;
    for (const auto& [name, later] : states) {
      const size_t state = random_() % (later.size() + 1);  // 0: as it was
      if (state > 0) apply({name, later[state - 1]}, names);
    }
    return names;
  }
  void lose_unsynced(Node& node) {
    const size_t synced = std::min(node.bytes.size(), node.synced);
    const size_t unsynced = node.bytes.size() - synced;
    node.bytes.resize(synced + (unsynced == 0 ? 0 : random_() % (unsynced + 1)));
    for (size_t i = synced; i < node.bytes.size(); i += 64) {
      if (random_() % 4 != 0) continue;
      std::fill_n(node.bytes.begin() + static_cast<ptrdiff_t>(i), std::min<size_t>(64, node.bytes.size() - i),
                  std::byte{0});
    }
    node.synced = node.bytes.size();
  }
  const NodePtr& at(const std::string& path) const {
    const auto found = names_.find(path);
    if (found == names_.end()) throw Error(ErrorCode::kNotFound, path + " is not there");
    return found->second;
  }

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  Names names_, durable_;
  std::vector<Change> pending_;  // since the last sync_folder()
  uint64_t left_ = UINT64_MAX;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t lies_percent_ = 0;
};

}  // namespace vedette::framelog::testing
