#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "vedette/base/time.h"

namespace vedette::framelog {

/// What the bytes of a record are.
enum class FrameCodec : uint8_t {
  kJpeg = 0,
  kBgr = 1,   ///< height rows of width × 3 bytes, blue first, without padding
  kGray = 2,  ///< height rows of width bytes, without padding
  kI420 = 3,  ///< planes Y, U, V without padding; U and V half as wide and half as high, rounded up
  kH264 = 4,  ///< one access unit, Annex B
  kH265 = 5,  ///< one access unit, Annex B
};
constexpr FrameCodec kLastCodec = FrameCodec::kH265;

/// "jpeg", "bgr", "gray", "i420", "h264", "h265".
std::string_view to_string(FrameCodec codec);
std::optional<FrameCodec> codec_of(std::string_view name);

/// Frames of this size and larger are refused everywhere.
constexpr size_t kMaxFrameBytes = 100'000'000;
/// For RecordInfo::sequence: one more than the last.
constexpr uint64_t kNextSequence = UINT64_MAX;

/// What is known of a frame besides its bytes.
struct RecordInfo {
  Timestamp time{};                    ///< capture time; kept in whole µs (rounded down)
  uint64_t sequence = kNextSequence;  ///< grows by one a frame the camera took: a jump is frames lost before the log
  FrameCodec codec = FrameCodec::kJpeg;
  bool key_frame = true;  ///< decodes without the frames before it
  uint32_t knob = 0;  ///< id of the knob setting that made it; 0: untouched
  uint16_t width = 0;  ///< of the stored picture, pixels
  uint16_t height = 0;
  uint16_t original_width = 0;  ///< of the camera's picture, pixels; 0 is taken as `width`
  uint16_t original_height = 0;
};

/// Times inside the log: µs since the Unix epoch. `floor` for times that are kept or searched backwards from.
inline int64_t micros_floor(Timestamp t) {
  return std::chrono::floor<std::chrono::microseconds>(t).time_since_epoch().count();
}
inline int64_t micros_ceil(Timestamp t) {
  return std::chrono::ceil<std::chrono::microseconds>(t).time_since_epoch().count();
}
inline Timestamp from_micros(int64_t us) { return Timestamp{std::chrono::microseconds(us)}; }

/// One line of a segment's index: 40 bytes a frame, in memory and (little endian) on disk.
struct IndexEntry {
  int64_t time_us;
  uint64_t sequence;
  uint32_t offset;  ///< of the bytes from the segment's start, a multiple of 64
  uint32_t size;  ///< bytes
  uint32_t knob;
  uint16_t width, height, original_width, original_height;
  uint8_t codec;
  uint8_t flags;  ///< bit 0: key frame
  uint16_t reserved;
};
static_assert(sizeof(IndexEntry) <= 48 && sizeof(IndexEntry) == 48 - 8);

RecordInfo info_of(const IndexEntry& entry);

}  // namespace vedette::framelog
