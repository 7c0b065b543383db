#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

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

}  // namespace vedette::broker
