#include "vedette/framelog/record_source.h"

#include "vedette/base/error.h"

namespace vedette::framelog {

RecordSource::RecordSource(const media::SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
                           std::shared_ptr<BufferPool> pool, const Clock& clock, bool live, bool from_past)
    : SourceBase(options, std::move(stream), pool, clock,
                 options.pacing == media::Pacing::kRealtime || (options.pacing == media::Pacing::kAuto && from_past)),
      live_(live),
      decoder_(std::move(pool), options.keep_jpeg) {}

std::optional<Frame> RecordSource::decoded(const RecordInfo& info, std::span<const std::byte> bytes) {
  try {
    auto frame = decoder_.decode(info, bytes);
    if (!frame) drop("not_decodable");
    return frame;
  } catch (const Error& e) {
    set_error(e.line());
    drop("corrupt");
    return std::nullopt;
  }
}

std::optional<Frame> RecordSource::admitted(const RecordInfo& info, std::span<const std::byte> bytes) {
  auto frame = decoded(info, bytes);
  if (!frame) return std::nullopt;
  if (!first_) first_ = info.time;
  if (!admit(*frame, {info.time, CaptureClock::kStreamClock, info.time - *first_})) return std::nullopt;
  return frame;
}

}  // namespace vedette::framelog
