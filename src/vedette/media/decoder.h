#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/picture.h"
#include "vedette/media/av_handles.h"

struct AVCodecParameters;

namespace vedette::media {

/// FFmpeg's hardware decoders by name ("vaapi", "cuda", …), those compiled into the library at hand.
std::vector<std::string> hardware_names();
/// Throws Error(kUsage) naming those there are, unless `name` is "" or one of them.
void check_hardware_name(const std::string& name);

/// One video decoder. Where the stream is 8-bit 4:2:0 it decodes straight into memory of the pool, and the pictures it
/// hands out are that memory; other formats are converted. Not thread-safe.
class Decoder {
 public:
  struct Options {
    int threads = 1;
    std::string hardware;  ///< "" decodes in software
  };
  enum class Status {
    kPicture,   ///< `picture` and `pts` are set
    kMore,      ///< send the next packet
    kEnd,       ///< drained
    kCorrupt,   ///< something did not decode; go on
    kTooLarge,  ///< a picture with a side beyond Picture::kLargestSide was refused; go on
    kEmpty,     ///< a picture with a side of 0 was refused; go on
  };
  struct Result {
    Status status = Status::kMore;
    std::shared_ptr<Picture> picture;
    std::optional<int64_t> pts;  ///< in the time base of the packets
  };

  /// Throws Error(kInvalidData) when FFmpeg has no such decoder, Error(kUnavailable) when the hardware device does not
  /// open.
  Decoder(const AVCodecParameters& parameters, const Options& options, std::shared_ptr<BufferPool> pool);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Gives the next packet, or null at the end of the stream. kCorrupt or kTooLarge when it is refused, else kMore.
  /// Call receive() until kMore before each send().
  Status send(const AVPacket* packet);
  Result receive();
  /// Forgets everything, to start again at another place.
  void flush();
  /// Of the stream's own headers; 0 when they do not tell.
  double fps() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette::media
