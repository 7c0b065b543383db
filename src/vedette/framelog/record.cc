#include "vedette/framelog/record.h"

#include <array>

namespace vedette::framelog {
namespace {
constexpr std::array<std::string_view, 6> kNames = {"jpeg", "bgr", "gray", "i420", "h264", "h265"};
}

std::string_view to_string(FrameCodec codec) { return kNames.at(static_cast<size_t>(codec)); }

std::optional<FrameCodec> codec_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<FrameCodec>(i);
  }
  return std::nullopt;
}

RecordInfo info_of(const IndexEntry& entry) {
  RecordInfo info;
  info.time = from_micros(entry.time_us);
  info.sequence = entry.sequence;
  info.codec = static_cast<FrameCodec>(entry.codec);
  info.key_frame = (entry.flags & 1) != 0;
  info.knob = entry.knob;
  info.width = entry.width;
  info.height = entry.height;
  info.original_width = entry.original_width;
  info.original_height = entry.original_height;
  return info;
}

}  // namespace vedette::framelog
