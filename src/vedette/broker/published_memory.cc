#include "vedette/broker/published_memory.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/client_stream.h"
#include "vedette/broker/frame_bytes.h"

namespace vedette::broker {
namespace {

constexpr size_t kArenaBytes = size_t{256} << 20;
constexpr std::chrono::microseconds kRoomWait{50};
/// Of frames that the broker has not copied yet.
constexpr size_t kMostUnderWay = 8;
constexpr size_t kMostUnderWayBytes = size_t{4} << 20;  // about what a cache holds
/// Copied while a sleeper wakes up, which takes 30 µs and more.
constexpr size_t kWhileWaking = size_t{128} << 10;

}  // namespace

PublishedMemory::PublishedMemory() : arena_(std::make_shared<link::SharedArena>(kArenaBytes)), writer_(arena_) {}

void PublishedMemory::offer(ClientStream& stream, uint64_t publication) {
  v1::StreamHead head;
  head.set_id(publication);
  head.mutable_offer()->set_bytes(arena_->size_bytes());
  head.mutable_offer()->set_leases(link::kLeases);
  auto files = writer_.files();
  for (const int file : lane_.files()) files.push_back(file);
  stream.send(head, std::move(files));
}

void PublishedMemory::opened(const v1::PublicationOpened& about) {
  writer_.passed();
  next_sequence_ = about.next_sequence();
  newest_ = Timestamp{Duration{about.newest_ns()}};
}

/// The frame as the broker will keep it; nothing when it will refuse it.
std::optional<framelog::RecordInfo> PublishedMemory::numbered(const framelog::RecordInfo& info,
                                                              std::span<const std::byte> bytes) const {
  try {
    auto kept = checked_info(info, bytes);
    if (kept.sequence == framelog::kNextSequence) kept.sequence = next_sequence_;
    if (kept.sequence < next_sequence_ || kept.time <= newest_) return std::nullopt;
    if (kept.original_width == 0) kept.original_width = kept.width;
    if (kept.original_height == 0) kept.original_height = kept.height;
    return kept;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void PublishedMemory::passed_over(const framelog::RecordInfo& info) {
  next_sequence_ = (info.sequence == framelog::kNextSequence ? next_sequence_ : info.sequence) + 1;
  newest_ = std::max(newest_, info.time);
}

bool PublishedMemory::send(ClientStream& stream, v1::StreamHead& head, const framelog::RecordInfo& info,
                           std::span<const std::byte> bytes, Duration timeout) {
  if (bytes.size() + link::kSharedOverrunBytes > arena_->size_bytes() / 2) return false;
  const MonotonicTime deadline = Clock::system().monotonic() + timeout;
  // Few at a time: the same warm pages are used again and again, and no frame waits behind many.
  const size_t most = std::clamp<size_t>(kMostUnderWayBytes / bytes.size(), 2, kMostUnderWay);
  const auto kept = refused_ ? std::nullopt : numbered(info, bytes);
  refused_ = !kept;
  auto& frame = *head.mutable_frame();
  if (kept) to_head(*kept, Timestamp{Duration{frame.sent_ns()}}, frame);
  // When the broker is done with everything, so are those it sends to.
  const bool asleep = writer_.collect() == 0;
  while (stream.alive()) {
    const bool full = writer_.collect() >= most;
    auto memory = full ? nullptr : arena_->allocate(bytes.size() + link::kSharedOverrunBytes);
    if (memory) {
      if (const auto lease = writer_.lease({memory})) {
        const size_t offset = arena_->offset_of(memory.get(), bytes.size()).value_or(0);
        const size_t before = bytes.size() - std::min(bytes.size(), kWhileWaking);
        lane_.begin(kept ? kept->sequence : 0);
        std::memcpy(memory.get(), bytes.data(), before);
        if (kept && asleep) lane_.ring();
        std::memcpy(memory.get() + before, bytes.data() + before, bytes.size() - before);
        if (kept) lane_.publish(frame, offset, bytes.size());
        if (kept && !asleep) lane_.ring();
        auto& shared = *frame.mutable_shared();
        shared.set_segment(*lease);
        shared.set_offset(offset);
        shared.set_bytes(bytes.size());
        stream.send(head);
        if (kept) passed_over(*kept);
        return true;
      }
    }
    if (Clock::system().monotonic() > deadline) throw Error(ErrorCode::kTimeout, "the broker takes no frames");
    std::this_thread::sleep_for(kRoomWait);
  }
  throw Error(ErrorCode::kUnavailable, "the broker is lost");
}

}  // namespace vedette::broker
