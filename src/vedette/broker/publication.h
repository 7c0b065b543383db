#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "vedette/broker/feed.h"

namespace vedette::broker {

/// A camera's name: letters, digits, '.', '_', '-' and '/', at most 128. Throws Error(kUsage).
void check_camera_name(const std::string& name);
/// 1 to 128 letters, digits, '.', '_', '-' or '/', as names of cameras and channels are.
bool is_name(const std::string& name);

/// The right to append to one camera, until it is destroyed. One thread at a time.
class Publication {
 public:
  /// `check` is called for each frame and throws when no more may come; `ended` by the destructor.
  Publication(std::string camera, std::shared_ptr<Feed> feed, std::function<void()> check, std::function<void()> ended);
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  /// Where the next frame's bytes go. Throws Error(kInvalidData) for a frame that is too large.
  std::span<std::byte> reserve(size_t bytes);
  /// Takes what reserve() gave, if checked_info() agrees. Throws Error(kInvalidData): also for a time that does
  /// not grow; Error(kPermissionDenied) when the token has ended.
  void commit(const framelog::RecordInfo& info, size_t bytes);
  /// While it lasts, subscribers on this host may take its frames by this lane.
  void set_lane(std::shared_ptr<const Lane> lane) { feed_->set_lane(std::move(lane)); }
  const Feed& feed() const { return *feed_; }
  uint64_t frames() const { return frames_; }
  uint64_t bytes() const { return bytes_; }
  const std::string& camera() const { return camera_; }

 private:
  const std::string camera_;
  const std::shared_ptr<Feed> feed_;
  const std::function<void()> check_, ended_;
  std::span<std::byte> room_;
  uint64_t frames_ = 0, bytes_ = 0;
};

}  // namespace vedette::broker
