#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/media/convert.h"
#include "vedette/media/source.h"

namespace vedette::bench {

/// Where Debian's opencv-doc puts it.
inline constexpr const char* kSampleVideo = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";

/// What `make(const Picture&)` gives of the first `count` frames of a video, fewer when it ends earlier. Throws
/// Error(kInvalidData) when it has none, and as media::open_source.
template <typename Make>
auto video_frames(const std::string& path, size_t count, Make make) {
  const auto source = media::open_source({.url = path, .pacing = media::Pacing::kFast}, std::make_shared<StreamInfo>(),
                                         std::make_shared<BufferPool>());
  std::vector<std::decay_t<std::invoke_result_t<Make, const Picture&>>> made;
  while (made.size() < count) {
    const auto frame = source->next({});
    if (!frame) break;
    made.push_back(make(*media::pixels_of(*frame)));
  }
  if (made.empty()) throw Error(ErrorCode::kInvalidData, path + " has no frames");
  return made;
}

}  // namespace vedette::bench
