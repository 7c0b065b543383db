#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "vedette/link/endpoint.h"

namespace vedette::link::testing {

/// How long a test waits for what must happen before it fails; never how long it takes.
constexpr std::chrono::seconds kPatience{20};

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "vedette-link-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string socket(const std::string& name) const { return "unix:" + path(name); }

 private:
  std::string path_;
};

inline std::shared_ptr<const StreamInfo> test_stream() {
  static const auto stream = std::make_shared<const StreamInfo>(StreamInfo{.name = "yard", .index = 3});
  return stream;
}

/// A picture whose every sample follows from `seed`, so that one that was mixed up is seen.
inline std::shared_ptr<Picture> test_picture(int width, int height, uint32_t seed,
                                             PixelFormat format = PixelFormat::kI420) {
  auto picture = Picture::make(format, width, height);
  uint32_t value = seed * 2654435761u + 1;
  for (int i = 0; i < picture->planes(); ++i) {
    const Plane& plane = picture->plane(i);
    const int row_bytes = format == PixelFormat::kBgr ? plane.width * 3 : plane.width;
    for (int y = 0; y < plane.height; ++y) {
      uint8_t* row = plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes;
      std::memset(row, 0, static_cast<size_t>(plane.stride_bytes));
      for (int x = 0; x < row_bytes; ++x) row[x] = static_cast<uint8_t>((value = value * 1664525u + 1013904223u) >> 24);
    }
  }
  return picture;
}

inline bool same_pixels(const Picture& a, const Picture& b) {
  if (a.format() != b.format() || a.width() != b.width() || a.height() != b.height() || a.matrix != b.matrix ||
      a.full_range != b.full_range)
    return false;
  for (int i = 0; i < a.planes(); ++i) {
    const Plane& p = a.plane(i);
    const Plane& q = b.plane(i);
    const auto row_bytes = static_cast<size_t>(a.format() == PixelFormat::kBgr ? p.width * 3 : p.width);
    for (int y = 0; y < p.height; ++y)
      if (std::memcmp(p.data + static_cast<ptrdiff_t>(y) * p.stride_bytes,
                      q.data + static_cast<ptrdiff_t>(y) * q.stride_bytes, row_bytes) != 0)
        return false;
  }
  return true;
}

inline Observation test_observation(uint64_t sequence, std::shared_ptr<const Picture> picture = nullptr,
                                    MonotonicTime arrival = Clock::system().monotonic()) {
  Frame frame;
  frame.stream = test_stream();
  frame.sequence = sequence;
  frame.arrival = arrival;
  if (picture) {
    frame.width = picture->width();
    frame.height = picture->height();
    frame.picture = std::move(picture);
  }
  return Observation(std::make_shared<const Frame>(std::move(frame)));
}

/// Keeps what comes; grants a place for each when told to.
class Collector : public ReceiverHandler {
 public:
  void on_observation(Observation observation) override {
    std::shared_ptr<Receiver> receiver;
    {
      const std::lock_guard lock(mutex_);
      sequences_.push_back(observation.frame().sequence);
      if (keep_) observations_.push_back(std::move(observation));
      receiver = grants_to_.lock();
    }
    if (receiver) receiver->grant(1);
    changed_.notify_all();
  }
  void on_gap(uint64_t observations, std::string_view reason) override {
    {
      const std::lock_guard lock(mutex_);
      gaps_.emplace_back(std::string(reason), observations);
      gap_sum_ += observations;
    }
    changed_.notify_all();
  }
  void on_end() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }

  void grant_to(const std::shared_ptr<Receiver>& receiver) {
    const std::lock_guard lock(mutex_);
    grants_to_ = receiver;
  }
  void keep(bool keep) { keep_ = keep; }
  template <typename Ready>
  [[nodiscard]] bool wait(Ready ready) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return ready(*this); });
  }
  [[nodiscard]] bool wait_count(size_t count) {
    return wait([&](const Collector& c) { return c.sequences_.size() >= count; });
  }
  [[nodiscard]] bool wait_end() {
    return wait([](const Collector& c) { return c.ended_; });
  }
  /// Of the observations and gaps so far. Once nothing comes any more, or within wait().
  const std::vector<uint64_t>& sequences() const { return sequences_; }
  const std::vector<Observation>& observations() const { return observations_; }
  const std::vector<std::pair<std::string, uint64_t>>& gaps() const { return gaps_; }
  uint64_t gap_sum() const { return gap_sum_; }
  bool ended() const { return ended_; }
  void clear() {
    const std::lock_guard lock(mutex_);
    observations_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint64_t> sequences_;
  std::vector<Observation> observations_;
  std::vector<std::pair<std::string, uint64_t>> gaps_;
  uint64_t gap_sum_ = 0;
  bool ended_ = false;
  bool keep_ = true;
  std::weak_ptr<Receiver> grants_to_;
};

/// The upstream of a sender: waits for room as a source's thread does.
class Feed {
 public:
  std::function<void()> on_room() {
    return [this] {
      {
        const std::lock_guard lock(mutex_);
        ++rooms_;
      }
      changed_.notify_all();
    };
  }
  [[nodiscard]] bool put(Sender& sender, Observation observation) {
    std::unique_lock lock(mutex_);
    for (;;) {
      const uint64_t seen = rooms_;
      lock.unlock();
      if (sender.reserve()) break;
      lock.lock();
      if (!changed_.wait_for(lock, kPatience, [&] { return rooms_ != seen; })) return false;
    }
    sender.send(std::move(observation), true);
    return true;
  }
  [[nodiscard]] bool wait_drained(const Sender& sender) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return sender.drained(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t rooms_ = 0;
};

inline EndpointOptions node(const std::string& name, std::vector<std::string> listen = {}) {
  EndpointOptions options;
  options.node = name;
  options.software = "test";
  options.listen = std::move(listen);
  options.reconnect_first = std::chrono::milliseconds(1);
  options.reconnect_most = std::chrono::milliseconds(20);
  return options;
}

inline const ChannelId kChannel{"0123456789abcdef", "cam-1"};

}  // namespace vedette::link::testing
