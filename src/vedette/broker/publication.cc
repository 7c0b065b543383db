#include "vedette/broker/publication.h"

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/media/jpeg.h"

namespace vedette::broker {

void check_camera_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-' || c == '/';
  });
  if (!fits) throw Error(ErrorCode::kUsage, "a camera's name has 1 to 128 letters, digits, '.', '_', '-' or '/'");
}

Publication::Publication(std::string camera, std::shared_ptr<Feed> feed, std::function<void()> check,
                         std::function<void()> ended)
    : camera_(std::move(camera)), feed_(std::move(feed)), check_(std::move(check)), ended_(std::move(ended)) {}

Publication::~Publication() { ended_(); }

std::span<std::byte> Publication::reserve(size_t bytes) {
  room_ = {};
  room_ = feed_->reserve(bytes);
  return room_;
}

void Publication::commit(framelog::RecordInfo info, size_t bytes) {
  VEDETTE_ASSERT(bytes <= room_.size());
  check_();
  check_frame_bytes(info, room_.first(bytes));
  if (info.codec == framelog::FrameCodec::kJpeg && info.width == 0) {
    const auto [width, height] = media::jpeg_size({reinterpret_cast<const uint8_t*>(room_.data()), bytes});
    info.width = static_cast<uint16_t>(width);
    info.height = static_cast<uint16_t>(height);
  }
  feed_->commit(info, bytes);
  ++frames_;
  bytes_ += bytes;
}

}  // namespace vedette::broker
