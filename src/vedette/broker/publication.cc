#include "vedette/broker/publication.h"

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/broker/frame_bytes.h"

namespace vedette::broker {

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-' || c == '/';
  });
}

void check_camera_name(const std::string& name) {
  if (!is_name(name))
    throw Error(ErrorCode::kUsage, "a camera's name has 1 to 128 letters, digits, '.', '_', '-' or '/'");
}

Publication::Publication(std::string camera, std::shared_ptr<Feed> feed, std::function<void()> check,
                         std::function<void()> ended)
    : camera_(std::move(camera)), feed_(std::move(feed)), check_(std::move(check)), ended_(std::move(ended)) {}

Publication::~Publication() {
  feed_->set_lane(nullptr);
  ended_();
}

std::span<std::byte> Publication::reserve(size_t bytes) {
  room_ = {};
  room_ = feed_->reserve(bytes);
  return room_;
}

void Publication::commit(const framelog::RecordInfo& info, size_t bytes) {
  VEDETTE_ASSERT(bytes <= room_.size());
  check_();
  feed_->commit(checked_info(info, room_.first(bytes)), bytes);
  ++frames_;
  bytes_ += bytes;
  feed_->traffic().published.add(bytes);
}

}  // namespace vedette::broker
