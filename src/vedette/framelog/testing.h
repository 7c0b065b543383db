#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/error.h"
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

}  // namespace vedette::framelog::testing
