#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/frame.h"
#include "vedette/frame/picture.h"
#include "vedette/media/knob_setting.h"

namespace vedette::media {

/// H.264 or H.265 of one picture size, one picture in and its access unit out, by FFmpeg's libx264 and libx265 at their
/// fastest and without delay. One thread. Not thread-safe.
class VideoEncoder {
 public:
  struct Options {
    Codec codec = Codec::kH264;
    int width = 0;      ///< even
    int height = 0;     ///< even
    int quality = KnobSetting::kVideoQuality;  ///< constant rate factor
    bool inter = false; ///< else every frame is a key frame
    ColorMatrix matrix = ColorMatrix::kBt601;
    bool full_range = false;
    friend bool operator==(const Options&, const Options&) = default;
  };
  /// At the latest so many frames after the last key frame comes another: what a receiver that lost one has to wait.
  static constexpr int kKeyInterval = 50;

  struct AccessUnit {
    Bytes bytes;  ///< Annex B; parameter sets before key frames
    bool key = false;
  };

  /// Throws Error(kUnavailable) when FFmpeg has no such encoder or it does not start.
  explicit VideoEncoder(const Options& options);
  ~VideoEncoder();
  VideoEncoder(const VideoEncoder&) = delete;
  VideoEncoder& operator=(const VideoEncoder&) = delete;

  const Options& options() const;
  /// `picture` is kI420 with the size, matrix and range of the options. Throws Error(kInternal).
  AccessUnit encode(const Picture& picture, bool key);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The way back. Not thread-safe.
class VideoDecoder {
 public:
  /// Throws Error(kUnavailable) when FFmpeg has no such decoder.
  explicit VideoDecoder(Codec codec, std::shared_ptr<BufferPool> pool);
  ~VideoDecoder();
  VideoDecoder(const VideoDecoder&) = delete;
  VideoDecoder& operator=(const VideoDecoder&) = delete;

  /// Null when nothing comes out: a frame before the first key frame. Throws Error(kInvalidData).
  std::shared_ptr<const Picture> decode(std::span<const uint8_t> access_unit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette::media
