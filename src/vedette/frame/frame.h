#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/base/trace.h"
#include "vedette/frame/picture.h"

namespace vedette {

using Bytes = std::vector<uint8_t>;

/// Where a capture time came from, best first.
enum class CaptureClock {
  kSenderReport,  ///< the camera's wall clock, by RTCP sender reports (RFC 3550 §6.4.1)
  kStreamClock,   ///< the stream's own timestamps, anchored at the arrival of its first frame (or at 0 for a file)
  kArrival,       ///< when the frame reached this machine
};

std::string_view to_string(CaptureClock clock);

/// One camera's stream as an application sees it. Shared by all of its frames; compare streams by `index`.
struct StreamInfo {
  std::string name;           ///< as applications call the camera: "yard"
  uint32_t index = 0;         ///< its own within the process; given by whoever opens the stream
  std::string key{};          ///< its own within the fleet (plan::Stream::key); empty outside of one
};

/// One picture of one camera. Immutable once shared. Its pixels are raw, JPEG, or both, and may have been made fewer on
/// the way (by a knob, by `decode`): what is found in it is measured in `width` × `height` all the same. scale.h.
class Frame {
 public:
  std::shared_ptr<const StreamInfo> stream;
  uint64_t sequence = 0;  ///< from 0, one step a frame the source delivered; gaps are frames that were lost
  Timestamp capture_time{};  ///< when the shutter opened, as well as `capture_clock` can tell
  CaptureClock capture_clock = CaptureClock::kArrival;
  MonotonicTime arrival{};  ///< when the source handed the frame on; latencies are measured from here
  TraceId trace{};  ///< not zero: its way is recorded step by step
  Duration position{0};  ///< time within a file or since the stream began
  int width = 0;  ///< pixels of what the camera took; at least 1 when there are pixels
  int height = 0;
  std::shared_ptr<const Picture> picture;  ///< raw pixels; null when the source delivered JPEG and nobody decoded it
  std::shared_ptr<const Bytes> jpeg;  ///< as the camera or file delivered it, of the same size; null otherwise

  Frame() = default;
  /// The same frame with other pixels (resized, blurred, decoded): nothing made from the old pixels is carried over.
  /// `width` and `height` stay; a frame that has none takes the picture's.
  Frame with_picture(std::shared_ptr<const Picture> pixels) const;

  /// A form of this frame that is dear to make (JPEG of some quality, BGR pixels): made by `make` at the first call
  /// with this `key`, shared by all later ones from any thread. `T` must be the same at each call with a key.
  template <typename T>
  std::shared_ptr<const T> derived(uint64_t key, const std::function<std::shared_ptr<const T>()>& make) const {
    return std::static_pointer_cast<const T>(
        derived_erased(key, [&] { return std::static_pointer_cast<const void>(make()); }));
  }

 private:
  struct Derived;
  std::shared_ptr<const void> derived_erased(uint64_t key,
                                             const std::function<std::shared_ptr<const void>()>& make) const;
  std::shared_ptr<Derived> derived_ = make_derived();
  static std::shared_ptr<Derived> make_derived();
};

}  // namespace vedette
