#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "broker.pb.h"
#include "vedette/broker/broker.h"
#include "vedette/frame/picture.h"
#include "vedette/media/jpeg.h"

namespace vedette::broker {

/// A small JPEG whose brightness says which one it is.
inline std::vector<std::byte> test_jpeg(int number, int width = 64, int height = 48) {
  auto picture = Picture::make(PixelFormat::kGray, width, height);
  const Plane& plane = picture->plane(0);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      plane.data[static_cast<ptrdiff_t>(y) * plane.stride_bytes + x] = static_cast<uint8_t>(number * 8);
  const Bytes jpeg = media::encode_jpeg(*picture, 80);
  const auto* data = reinterpret_cast<const std::byte*>(jpeg.data());
  return {data, data + jpeg.size()};
}

inline framelog::RecordInfo info_at(Timestamp time) {
  framelog::RecordInfo info;
  info.time = time;
  return info;
}

inline BrokerOptions small_broker(const std::string& name = "test") {
  BrokerOptions options;
  options.name = name;
  options.listen = "127.0.0.1:0";
  options.memory_mb = 16;
  options.segment_mb = 4;
  options.feed_mb = 16;
  return options;
}

/// A path short enough for a socket.
inline std::string socket_path(const std::string& name) {
  return "/tmp/vb-" + std::to_string(::getpid()) + "-" + name + ".sock";
}

/// Far enough for any machine; never waited for in a test that passes.
inline MonotonicTime soon() { return Clock::system().monotonic() + std::chrono::seconds(20); }

inline Received expect_next(ClientSubscription& subscription, Received::Kind kind) {
  auto item = subscription.next(soon());
  EXPECT_TRUE(item) << "nothing came";
  if (!item) return {};
  EXPECT_EQ(item->kind, kind) << item->line;
  return *item;
}

/// What a broker's core tells its standbys, to wait by.
class Changes {
 public:
  explicit Changes(Core& core) : core_(core) {
    listener_ = core_.listen([this](const v1::Replica& change) {
      const std::lock_guard lock(mutex_);
      changes_.push_back(change);
      changed_.notify_all();
    });
  }
  ~Changes() { core_.unlisten(listener_); }
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  /// Whether such a change came already or comes in time.
  template <typename Wanted>
  bool wait_for(Wanted wanted) {
    std::unique_lock lock(mutex_);
    const auto deadline = std::chrono::time_point_cast<std::chrono::steady_clock::duration>(soon());
    return changed_.wait_until(lock, deadline, [&] { return std::any_of(changes_.begin(), changes_.end(), wanted); });
  }

 private:
  Core& core_;
  uint64_t listener_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::Replica> changes_;
};

}  // namespace vedette::broker
