#pragma once

#include <memory>
#include <optional>
#include <span>

#include "vedette/frame/box.h"
#include "vedette/frame/frame.h"
#include "vedette/frame/picture.h"
#include "vedette/media/knob_setting.h"

namespace vedette::media {

struct PictureSize {
  int width = 0;
  int height = 0;
  friend bool operator==(const PictureSize&, const PictureSize&) = default;
};

/// A frame as it is stored and sent.
struct Encoded {
  std::shared_ptr<const Bytes>
      bytes;  ///< a JPEG, or one H.264 or H.265 access unit (Annex B, headers before key frames)
  Codec codec = Codec::kJpeg;
  bool key = true;         ///< decodes without any frame before it
  PictureSize stored;      ///< pixels of the encoded picture
  PictureSize original;    ///< pixels of what the camera took: the frame's measure
};

/// The size that a picture is stored in. Never larger than it is. With about the proportions of max_width×max_height (6
/// %, as 1080p and the sizes of paper 004) exactly that; else the largest size within it that keeps the proportions,
/// both sides even.
PictureSize stored_size(PictureSize original, const KnobSetting& setting);

/// A box found in the stored picture, in pixels of the original frame.
Box map_back(const Box& box, PictureSize stored, PictureSize original);

/// Applies the knobs to the frames of one camera, in order. Not thread-safe; one chain for each camera and quality.
///
/// The steps: differencing (a frame that is withheld costs nothing more), resize, blur, artefact removal, colour space,
/// encoding. Everything before the colour space is done on I420 planes of the stored size; what moves is judged on the
/// luma at a quarter of the original size. See docs/knobs.md.
class KnobChain {
 public:
  explicit KnobChain(const KnobSetting& setting = {});
  ~KnobChain();
  KnobChain(KnobChain&&) noexcept;
  KnobChain& operator=(KnobChain&&) noexcept;

  /// From the next frame on. What was sent last and the background are remembered; a video encoder starts anew with a
  /// key frame where size, codec or quality change.
  void set(const KnobSetting& setting);
  const KnobSetting& setting() const;

  /// Nothing when differencing withholds the frame. A frame that came as JPEG is handed on as it is (shared) when the
  /// setting touches nothing. Throws Error(kInvalidData) for a broken JPEG, Error(kUnavailable) for a frame without
  /// pixels or when FFmpeg has no such encoder, Error(kInternal | kExhausted) from the encoders. After a throw the
  /// chain can go on with the next frame.
  std::optional<Encoded> apply(const Frame& frame);
  std::optional<Encoded> apply(const Picture& picture);

  /// The next frame is sent whatever it looks like, and as a key frame: after one was lost, or for a new subscriber.
  void request_key();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The way back: the stored pictures of one chain, in order. Not thread-safe.
class KnobDecoder {
 public:
  KnobDecoder();
  ~KnobDecoder();
  KnobDecoder(KnobDecoder&&) noexcept;
  KnobDecoder& operator=(KnobDecoder&&) noexcept;

  /// The picture as kI420 (a grey JPEG has neutral chroma); null when an inter frame cannot be decoded because the key
  /// frame it leans on never came. HSV, LAB and LUV come back as the channels they were stored as, taken for B, G and
  /// R. Throws Error(kInvalidData) when the bytes do not decode.
  std::shared_ptr<const Picture> decode(const Encoded& encoded, BufferPool* pool = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette::media
