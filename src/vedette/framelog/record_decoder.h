#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/frame.h"
#include "vedette/framelog/record.h"

namespace vedette::media {
class VideoDecoder;
}

namespace vedette::framelog {

/// Turns the records of one camera, in order, into frames with pixels or JPEG. Not thread-safe.
class RecordDecoder {
 public:
  /// `keep_jpeg`: JPEG is handed on undecoded, as Frame::jpeg.
  RecordDecoder(std::shared_ptr<BufferPool> pool, bool keep_jpeg);
  ~RecordDecoder();
  RecordDecoder(const RecordDecoder&) = delete;
  RecordDecoder& operator=(const RecordDecoder&) = delete;

  /// Pixels (or JPEG) of a record and the size of what the camera took, which is larger when a knob was at work; the
  /// rest of the frame is the caller's. Nothing for a record of a video that
  /// cannot be decoded without one that was not seen. Throws Error(kInvalidData) when the bytes are not what `info`
  /// says.
  std::optional<Frame> decode(const RecordInfo& info, std::span<const std::byte> bytes);

 private:
  std::shared_ptr<const Picture> decode_video(const RecordInfo& info, std::span<const uint8_t> bytes);

  const std::shared_ptr<BufferPool> pool_;
  const bool keep_jpeg_;
  std::unique_ptr<media::VideoDecoder> video_;
  RecordInfo last_video_;
};

}  // namespace vedette::framelog
