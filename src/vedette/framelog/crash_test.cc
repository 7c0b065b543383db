// kill -9 at random moments of a process that stores frames. VEDETTE_CRASH_ROUNDS=500 for the long run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <new>

#include "vedette/framelog/store.h"
#include "vedette/framelog/testing.h"

namespace vedette::framelog {
namespace {

using testing::append_frame;
using testing::is_right;

/// What the killed process leaves behind.
struct Shared {
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<uint64_t> appended{0};
};

StoreOptions options(const std::string& folder, const Keyring& keys) {
  StoreOptions options;
  options.archive.folder = folder;
  options.archive.keys = keys;
  options.flush_interval = std::chrono::milliseconds(3);
  options.archive.verify_bytes = UINT64_MAX;
  return options;
}

LogOptions small_log() {
  LogOptions options;
  options.camera = "yard";
  options.segment_bytes = 64 << 10;
  options.capacity_bytes = 16 * options.segment_bytes;
  return options;
}

/// The process that will be killed.
[[noreturn]] void store_until_killed(const std::string& folder, const Keyring& keys, Shared& shared) {
  Store store(options(folder, keys), small_log());
  for (uint64_t i = store.log()->options().first_sequence;; ++i) {
    append_frame(*store.log(), i, testing::frame_size(i));
    shared.appended = i + 1;
    if (i % 7 == 0) store.flush(std::chrono::steady_clock::now() + std::chrono::seconds(10));
    shared.acknowledged = store.persisted_up_to();
  }
}

TEST(Crash, WhatWasAcknowledgedSurvivesKillNine) {
  const char* asked = std::getenv("VEDETTE_CRASH_ROUNDS");
  const int rounds = asked == nullptr ? 30 : std::atoi(asked);
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* shared = ::new (memory) Shared;
  const testing::TemporaryFolder folder;
  SecretKey key{};
  key.fill(7);
  const auto keys = Keyring::of({key});
  std::mt19937_64 random(20);
  uint64_t leftovers = 0, before = 0;
  for (int round = 0; round < rounds; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) store_until_killed(folder.path(), keys, *shared);
    // The moment is a number of frames after the start, and then some of the processor's own randomness.
    const uint64_t moment = before + 1 + random() % 150;
    while (shared->appended.load() < moment && ::waitpid(child, nullptr, WNOHANG) == 0) ::poll(nullptr, 0, 0);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    const uint64_t acknowledged = shared->acknowledged.load();
    const auto archive = std::make_shared<Archive>(
        ArchiveOptions{.folder = folder.path(), .camera = "yard", .keys = keys, .verify_bytes = UINT64_MAX});
    for (const auto& file : archive->rejected()) {
      ASSERT_EQ(file.reason, RejectedFile::Reason::kLeftover) << file.line;
      ++leftovers;
    }
    ASSERT_GE(archive->next_sequence(), acknowledged) << "round " << round;
    uint64_t expected = 0;
    while (const auto segment = archive->from_sequence(expected)) {
      const uint32_t first = segment->first_from_sequence(expected);
      for (uint32_t i = first; i < segment->count(); ++i, ++expected) {
        ASSERT_EQ(segment->entry(i).sequence, expected) << "round " << round;
        ASSERT_TRUE(is_right(FrameRef(segment, i))) << "round " << round;
      }
    }
    ASSERT_EQ(expected, archive->next_sequence());
    before = shared->appended = expected;
  }
  RecordProperty("frames", static_cast<int>(before));
  RecordProperty("leftovers", static_cast<int>(leftovers));
  EXPECT_GT(before, static_cast<uint64_t>(rounds)) << "frames must have been stored";
  ::munmap(memory, sizeof(Shared));
}

}  // namespace
}  // namespace vedette::framelog
