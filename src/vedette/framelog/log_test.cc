#include "vedette/framelog/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <thread>

#include "vedette/framelog/testing.h"

namespace vedette::framelog {
namespace {

using testing::append_frame;
using testing::frame_bytes;
using testing::frame_size;
using testing::is_right;
using testing::time_of;

LogOptions small() {
  LogOptions options;
  options.camera = "yard";
  options.segment_bytes = 64 << 10;
  options.capacity_bytes = 4 * options.segment_bytes;
  options.max_held_bytes = 2 * options.segment_bytes;
  return options;
}

MonotonicTime soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(30); }

template <typename Call>
std::string refusal(ErrorCode code, Call call) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.line();
    return e.line();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Log, FramesComeBackAsTheyWentIn) {
  const auto log = Log::make(small());
  RecordInfo info;
  info.time = Timestamp(std::chrono::nanoseconds(1'234'567'999));
  info.codec = FrameCodec::kH265;
  info.key_frame = false;
  info.knob = 77;
  info.width = 640;
  info.height = 352;
  info.original_width = 1920;
  info.original_height = 1080;
  const auto bytes = frame_bytes(1, 5000);
  EXPECT_EQ(log->append(info, bytes), 0u);
  const auto frame = log->newest();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->time_us(), 1'234'567);
  EXPECT_EQ(frame->sequence(), 0u);
  const RecordInfo got = frame->info();
  EXPECT_EQ(got.codec, FrameCodec::kH265);
  EXPECT_FALSE(got.key_frame);
  EXPECT_EQ(got.knob, 77u);
  EXPECT_EQ(got.width, 640);
  EXPECT_EQ(got.original_height, 1080);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), frame->bytes().begin(), frame->bytes().end()));
}

TEST(Log, ATimeThatDoesNotGrowIsRefusedAndNamed) {
  const auto log = Log::make(small());
  append_frame(*log, 5, 100);
  const auto line = refusal(ErrorCode::kInvalidData, [&] {
    RecordInfo info;
    info.time = time_of(5);
    log->append(info, frame_bytes(6, 100));
  });
  EXPECT_THAT(line, ::testing::HasSubstr("camera 'yard': a frame of 2023-11-14T22:13:20.005000Z after the one of "
                                         "2023-11-14T22:13:20.005000Z"));
  EXPECT_EQ(log->stats().frames, 1u);
  EXPECT_EQ(append_frame(*log, 6, 100), 6u);
}

TEST(Log, FramesOfNoOrTooManyBytesAreRefused) {
  const auto log = Log::make(small());
  RecordInfo info;
  info.time = time_of(1);
  EXPECT_THAT(refusal(ErrorCode::kInvalidData, [&] { log->append(info, {}); }), ::testing::HasSubstr("without bytes"));
  const std::vector<std::byte> larger(64 << 10);
  EXPECT_THAT(refusal(ErrorCode::kInvalidData, [&] { log->append(info, larger); }),
              ::testing::HasSubstr("a frame of 65536 bytes; its log takes 65472 at most"));
  const std::vector<std::byte> huge(kMaxFrameBytes);
  refusal(ErrorCode::kInvalidData, [&] { log->append(info, huge); });
  refusal(ErrorCode::kInvalidData, [&] { log->reserve(huge.size()); });
  EXPECT_EQ(log->append(info, std::span(larger).first(65472)), 0u);
}

TEST(Log, SequenceNumbersMayJumpButNotGoBack) {
  const auto log = Log::make(small());
  append_frame(*log, 3, 100);
  RecordInfo info;
  info.time = time_of(9);
  info.sequence = 3;
  EXPECT_THAT(refusal(ErrorCode::kInvalidData, [&] { log->append(info, frame_bytes(3, 10)); }),
              ::testing::HasSubstr("frame number 3 where 4 or a later one must come"));
}

TEST(Log, TheOldestSegmentGoesWhenItIsFull) {
  const auto log = Log::make(small());
  for (uint64_t i = 0; i < 1000; ++i) append_frame(*log, i, frame_size(i));
  const LogStats stats = log->stats();
  EXPECT_EQ(stats.appended, 1000u);
  EXPECT_EQ(stats.frames + stats.evicted, 1000u);
  EXPECT_EQ(stats.segments, 4u);
  EXPECT_LE(stats.memory_bytes, small().capacity_bytes);
  EXPECT_EQ(stats.held_bytes, 0u);
  EXPECT_EQ(log->oldest()->sequence(), stats.evicted);
  EXPECT_EQ(log->newest()->sequence(), 999u);
  uint64_t expected = stats.evicted;
  auto all = log->range(*stats.oldest, *stats.newest + std::chrono::seconds(1));
  while (const auto frame = all.next()) {
    EXPECT_EQ(frame->sequence(), expected++);
    EXPECT_TRUE(is_right(*frame));
  }
  EXPECT_EQ(expected, 1000u);
  EXPECT_EQ(all.missed(), 0u);
}

TEST(Log, LookUpsAgreeWithALinearSearch) {
  const auto log = Log::make(small());
  std::vector<int64_t> times;
  std::mt19937_64 random(7);
  int64_t now = 1'000'000;
  for (int i = 0; i < 400; ++i) {
    now += 1 + static_cast<int64_t>(random() % 50);
    RecordInfo info;
    info.time = from_micros(now);
    log->append(info, frame_bytes(1, 64 + random() % 2000));
    times.push_back(now);
  }
  times.erase(times.begin(), times.begin() + static_cast<ptrdiff_t>(log->stats().evicted));
  const auto time = [](const std::optional<FrameRef>& frame) { return frame ? frame->time_us() : -1; };
  for (int64_t t = times.front() - 3; t <= times.back() + 3; ++t) {
    const auto from = std::lower_bound(times.begin(), times.end(), t);
    const auto above = std::upper_bound(times.begin(), times.end(), t);
    const Timestamp at = from_micros(t);
    EXPECT_EQ(time(log->at_or_after(at)), from == times.end() ? -1 : *from);
    EXPECT_EQ(time(log->after(at)), above == times.end() ? -1 : *above);
    EXPECT_EQ(time(log->at_or_before(at)), above == times.begin() ? -1 : above[-1]);
    EXPECT_EQ(time(log->before(at)), from == times.begin() ? -1 : from[-1]);
    EXPECT_EQ(time(log->at(at)), from != times.end() && *from == t ? t : -1);
    EXPECT_EQ(time(log->after(at - std::chrono::nanoseconds(1))), from == times.end() ? -1 : *from);
  }
}

TEST(Log, ARangeEndsBeforeItsEndAndRefusesToRunBackwards) {
  const auto log = Log::make(small());
  for (uint64_t i = 0; i < 20; ++i) append_frame(*log, i, 100);
  auto range = log->range(time_of(5), time_of(8));
  for (uint64_t i = 5; i < 8; ++i) EXPECT_EQ(range.next()->sequence(), i);
  EXPECT_FALSE(range.next());
  EXPECT_TRUE(range.done());
  EXPECT_FALSE(range.next(MonotonicTime::max()));
  EXPECT_TRUE(log->range(time_of(5), time_of(5)).done());
  EXPECT_THAT(refusal(ErrorCode::kUsage, [&] { log->range(time_of(8), time_of(5)); }),
              ::testing::HasSubstr("before it begins"));
}

TEST(Log, AFrameIsWrittenInPlace) {
  const auto log = Log::make(small());
  for (uint64_t i = 0; i < 300; ++i) {
    const auto bytes = frame_bytes(i, frame_size(i));
    const auto room = log->reserve(8000);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(room.data()) % 64, 0u);
    std::copy(bytes.begin(), bytes.end(), room.begin());
    RecordInfo info;
    info.time = time_of(i);
    EXPECT_EQ(log->commit(info, bytes.size()), i);
    EXPECT_EQ(log->newest()->bytes().data(), room.data());
    EXPECT_TRUE(is_right(*log->newest()));
  }
}

TEST(Log, ASlowReaderLearnsWhatItMissedAndCanJumpToTheNewest) {
  const auto log = Log::make(small());
  append_frame(*log, 0, 1000);
  auto cursor = log->follow(time_of(0));
  EXPECT_EQ(cursor.next()->sequence(), 0u);
  for (uint64_t i = 1; i < 1000; ++i) append_frame(*log, i, 1000);
  const uint64_t oldest = log->oldest()->sequence();
  EXPECT_GT(oldest, 1u);
  const auto frame = cursor.next();
  EXPECT_EQ(frame->sequence(), oldest);
  EXPECT_EQ(cursor.last_gap(), oldest - 1);
  EXPECT_EQ(cursor.missed(), oldest - 1);
  EXPECT_EQ(cursor.newest()->sequence(), 999u);
  EXPECT_EQ(cursor.skipped(), 999 - oldest - 1);
  EXPECT_FALSE(cursor.newest());
  append_frame(*log, 1005, 1000);
  EXPECT_EQ(cursor.next()->sequence(), 1005u);
  EXPECT_EQ(cursor.last_gap(), 5u) << "the camera's own gap is a gap";
}

TEST(Log, ACursorFromALaterTimeWaitsForIt) {
  const auto log = Log::make(small());
  append_frame(*log, 0, 100);
  auto cursor = log->follow(time_of(10));
  for (uint64_t i = 1; i <= 10; ++i) append_frame(*log, i, 100);
  EXPECT_EQ(cursor.next()->sequence(), 10u);
  EXPECT_EQ(cursor.missed(), 0u);
}

TEST(Log, HeldSegmentsLiveOnAreCountedAndAreBounded) {
  const auto log = Log::make(small());
  std::vector<FrameRef> held;
  uint64_t i = 0;
  std::string line;
  for (; i < 2000 && line.empty(); ++i) {
    try {
      append_frame(*log, i, 1000);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kExhausted);
      line = e.line();
      break;
    }
    held.push_back(*log->newest());
  }
  EXPECT_THAT(line, ::testing::HasSubstr("readers hold"));
  EXPECT_LE(log->stats().memory_bytes, small().capacity_bytes + small().max_held_bytes);
  EXPECT_GT(log->stats().held_bytes, 0u);
  for (const auto& frame : held) ASSERT_TRUE(is_right(frame));
  held.clear();
  EXPECT_EQ(append_frame(*log, i, 1000), i) << "goes on once they let go";
}

TEST(Log, FollowersEndWhenItCloses) {
  const auto log = Log::make(small());
  append_frame(*log, 0, 100);
  auto cursor = log->follow_sequence(0);
  std::vector<uint64_t> seen;
  std::thread reader([&] {
    while (const auto frame = cursor.next(MonotonicTime::max())) seen.push_back(frame->sequence());
  });
  append_frame(*log, 1, 100);
  log->close();
  reader.join();
  EXPECT_THAT(seen, ::testing::ElementsAre(0, 1));
  EXPECT_TRUE(cursor.done());
  refusal(ErrorCode::kUnavailable, [&] { append_frame(*log, 2, 100); });
}

TEST(Log, ADeadlineIsKept) {
  const auto log = Log::make(small());
  auto cursor = log->follow();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(cursor.next(before + std::chrono::milliseconds(2)));
  EXPECT_GE(std::chrono::steady_clock::now(), before + std::chrono::milliseconds(2));
  EXPECT_FALSE(cursor.next(MonotonicTime{}));
  EXPECT_FALSE(cursor.done());
}

TEST(Log, ManyReadersSeeEveryFrameWhileItIsWritten) {
  LogOptions options = small();
  options.capacity_bytes = 64 * options.segment_bytes;
  options.max_held_bytes = options.capacity_bytes;
  const auto log = Log::make(options);
  constexpr uint64_t kFrames = 2000;
  std::atomic<uint64_t> right{0}, missed{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 6; ++r) {
    readers.emplace_back([&, cursor = log->follow()]() mutable {
      while (const auto frame = cursor.next(soon())) {
        if (is_right(*frame)) right.fetch_add(1);
      }
      missed.fetch_add(cursor.missed());
    });
  }
  for (uint64_t i = 0; i < kFrames; ++i) append_frame(*log, i, frame_size(i) / 2);
  log->close();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(right.load() + missed.load(), 6 * kFrames);
  EXPECT_EQ(missed.load(), 0u);
}

TEST(Log, ReadersOfATinyRingNeverSeeTornFrames) {
  const auto log = Log::make(small());
  std::atomic<uint64_t> wrong{0}, seen{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 4; ++r) {
    readers.emplace_back([&, r, cursor = log->follow()]() mutable {
      while (const auto frame = r % 2 == 0 ? cursor.next(soon()) : cursor.newest(soon())) {
        if (!is_right(*frame)) wrong.fetch_add(1);
        seen.fetch_add(1);
        if (const auto old = log->at_or_after(frame->time() - std::chrono::milliseconds(50)); old && !is_right(*old)) {
          wrong.fetch_add(1);
        }
      }
    });
  }
  for (uint64_t i = 0; i < 4000; ++i) {
    try {
      append_frame(*log, i, frame_size(i));
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kExhausted) << e.line();
    }
  }
  log->close();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(seen.load(), 0u);
}

TEST(Log, SharedSegmentsCanBeMappedByOthers) {
  LogOptions options = small();
  options.shared = true;
  const auto log = Log::make(options);
  append_frame(*log, 0, 3000);
  append_frame(*log, 1, 3000);
  const auto frame = log->newest();
  ASSERT_GE(frame->memory().file(), 0);
  void* mapped = ::mmap(nullptr, frame->memory().size_bytes(), PROT_READ, MAP_SHARED, frame->memory().file(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const auto expected = frame_bytes(1, 3000);
  EXPECT_EQ(std::memcmp(static_cast<const std::byte*>(mapped) + frame->offset_bytes(), expected.data(), 3000), 0);
  ::munmap(mapped, frame->memory().size_bytes());
}

TEST(Log, SizesThatMakeNoSenseAreRefused) {
  LogOptions options = small();
  options.segment_bytes = 1000;
  refusal(ErrorCode::kUsage, [&] { Log::make(options); });
  options = small();
  options.capacity_bytes = options.segment_bytes;
  refusal(ErrorCode::kUsage, [&] { Log::make(options); });
}

TEST(Log, AGigabyteHoldsItsFrames) {
  // 40 bytes of index and at most 63 of padding a frame: 1 GB of 500 kB frames loses the ends of its segments only.
  const auto log = Log::make(small());
  for (uint64_t i = 0; i < 60; ++i) append_frame(*log, i, 1000);
  const LogStats stats = log->stats();
  EXPECT_LE(stats.used_bytes - stats.bytes, stats.frames * (sizeof(IndexEntry) + 63));
}

}  // namespace
}  // namespace vedette::framelog
