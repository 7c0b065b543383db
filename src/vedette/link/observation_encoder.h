#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "vedette/frame/observation.h"
#include "vedette/link/gap_counts.h"
#include "vedette/link/labels.h"
#include "vedette/link/shared_ring.h"
#include "vedette/link/wire.h"

namespace vedette::link {

/// Crops that were coded as JPEG, by object; null where an object has none.
using CropJpegs = std::vector<std::shared_ptr<const Bytes>>;

/// Turns observations into messages of one connection. Pixels are not copied but pointed at; what goes through shared
/// memory is copied there once. One thread at a time.
class ObservationEncoder {
 public:
  struct Plan {
    uint32_t channel = 0;
    uint32_t attachment = 0;
    uint64_t number = 0;
    GapCounts gaps;
    bool pixels = true;
    bool crops = true;
    bool jpeg =
        false;  ///< pictures as JPEG: the frame has one (its own, or media::jpeg_of was called) and so have crops
    int jpeg_quality = 85;
    const CropJpegs* crop_jpegs = nullptr;
    SharedWriter* shared = nullptr;  ///< raw pixels go there if there is room; else into the body
    size_t max_message_bytes = 0;
    MonotonicTime now{};
  };
  struct Made {
    bool raw = false;
    bool jpeg = false;
    size_t shared_bytes = 0;
  };
  /// Nothing when the message would be longer than the peer takes; `out` is then of no use.
  std::optional<Made> encode(const Observation& observation, const Plan& plan, OutgoingMessage& out);

 private:
  LabelNumbers labels_;
};

/// Bytes of a picture on the wire: planes one after the other, rows on 64-byte boundaries, no gaps between rows.
size_t wire_bytes(PixelFormat format, int width, int height);

}  // namespace vedette::link
