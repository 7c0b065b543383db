// kill -9 at random moments of a process that stores frames, and power cuts of the machine that it runs on.
// VEDETTE_CRASH_ROUNDS=500 for the long run (docs/framelog.md has its figures).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "vedette/framelog/store.h"
#include "vedette/framelog/testing.h"
#include "vedette/framelog/testing_disk.h"

namespace vedette::framelog {
namespace {

using testing::append_frame;
using testing::FakeDisk;
using testing::is_right;

constexpr auto kNever = std::chrono::hours(24);
constexpr uint64_t kRetained = 400'000;  // max_bytes where the oldest files are removed meanwhile

int rounds(int usual) {
  const char* asked = std::getenv("VEDETTE_CRASH_ROUNDS");
  return asked == nullptr ? usual : std::atoi(asked);
}

Keyring one_key() {
  SecretKey key{};
  key.fill(7);
  return Keyring::of({key});
}

ArchiveOptions archive_options(const std::string& folder, const Keyring& keys) {
  return {.folder = folder, .camera = "yard", .keys = keys, .verify_bytes = UINT64_MAX};
}

LogOptions small_log() {
  LogOptions options;
  options.camera = "yard";
  options.segment_bytes = 64 << 10;
  options.capacity_bytes = 16 * options.segment_bytes;
  return options;
}

MonotonicTime soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

/// What is kept: every frame right and no number left out. One behind the last number, or nothing when a frame is
/// missing. (Through the archive itself, whose files were all checked byte for byte when it was opened.)
std::optional<uint64_t> end_of_what_is_kept(Archive& archive, uint64_t begin) {
  uint64_t expected = begin;
  while (const auto segment = archive.from_sequence(expected)) {
    for (uint32_t i = segment->first_from_sequence(expected); i < segment->count(); ++i, ++expected) {
      if (segment->entry(i).sequence != expected || !is_right(FrameRef(segment, i))) return std::nullopt;
    }
  }
  return expected;
}

uint64_t first_kept(const Archive& archive) {
  const auto segments = archive.segments();
  return segments.empty() ? archive.next_sequence() : segments.front().range.first_sequence;
}

/// What the killed process leaves behind.
struct Shared {
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<uint64_t> appended{0};
};

/// The process that will be killed.
[[noreturn]] void store_until_killed(const StoreOptions& how, Shared& shared) {
  Store store(how, small_log());
  for (uint64_t i = store.log()->options().first_sequence;; ++i) {
    append_frame(*store.log(), i, testing::frame_size(i));
    shared.appended = i + 1;
    if (i % 7 == 0) store.flush(soon());
    shared.acknowledged = store.persisted_up_to();
  }
}

/// Starts a writer and kills it: in one of four rounds after a random time, which may be while it recovers, else after
/// a random number of frames and a little more.
void run_and_kill(const StoreOptions& how, Shared& shared, std::mt19937_64& random) {
  const uint64_t moment = shared.appended.load() + 1 + random() % 150;
  const bool by_time = random() % 4 == 0;
  const auto pause = static_cast<int64_t>(random() % (by_time ? 20'000'000 : 500'000));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) store_until_killed(how, shared);
  constexpr timespec kMoment{0, 50'000};
  while (!by_time && shared.appended.load() < moment && ::waitpid(child, nullptr, WNOHANG) == 0) {
    ::nanosleep(&kMoment, nullptr);
  }
  const timespec last{0, pause};
  ::nanosleep(&last, nullptr);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself: " << status;
}

TEST(Crash, WhatWasAcknowledgedSurvivesKillNine) {
  constexpr int kRoundsAFolder = 25;  // each looks at all that the folder holds
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* shared = ::new (memory) Shared;
  std::mt19937_64 random(20);
  std::optional<testing::TemporaryFolder> folder;
  uint64_t before = 0, acknowledged = 0, leftovers = 0;
  for (int round = 0; round < rounds(30); ++round) {
    const int generation = round / kRoundsAFolder;
    StoreOptions how;
    how.archive.keys = generation % 2 == 0 ? one_key() : Keyring{};
    if (generation % 3 == 1) how.archive.max_bytes = kRetained;
    how.flush_interval = std::chrono::milliseconds(3);
    if (round % kRoundsAFolder == 0) {
      folder.emplace();
      shared->acknowledged = shared->appended = before = 0;
    }
    how.archive.folder = folder->path();
    how.archive.verify_bytes = UINT64_MAX;
    run_and_kill(how, *shared, random);
    if (HasFatalFailure()) return;

    Archive archive(archive_options(folder->path(), how.archive.keys));
    for (const auto& file : archive.rejected()) {
      ASSERT_EQ(file.reason, RejectedFile::Reason::kLeftover) << file.line;
      ASSERT_NE(file.line.find(file.name), std::string::npos);
      ++leftovers;
    }
    const uint64_t begin = first_kept(archive);
    if (!how.archive.max_bytes) {
      ASSERT_EQ(begin, 0u) << "round " << round;
    }
    const auto end = end_of_what_is_kept(archive, begin);
    ASSERT_TRUE(end) << "round " << round << ": a frame is missing or wrong";
    ASSERT_EQ(*end, archive.next_sequence()) << "round " << round;
    ASSERT_GE(*end, shared->acknowledged.load()) << "round " << round;
    ASSERT_LE(*end, shared->appended.load() + 1) << "round " << round;
    acknowledged += shared->acknowledged.load() - before;
    before = *end;
    shared->acknowledged = shared->appended = before;
  }
  fmt::print("{} kills: {} frames were acknowledged and are there, {} interrupted writes were named and removed\n",
             rounds(30), acknowledged, leftovers);
  EXPECT_GT(acknowledged, 0u);
  ::munmap(memory, sizeof(Shared));
}

/// One life of the machine: a store on the disk until the power goes or enough was appended. One behind the last frame
/// that was acknowledged.
uint64_t live_until_the_power_goes(FakeDisk& disk, const StoreOptions& how, std::mt19937_64& random) {
  disk.cut_power_after(random() % 150);
  try {
    Store store(how, small_log());
    Log& log = *store.log();
    uint64_t i = log.options().first_sequence;
    for (int step = 0; step < 200; ++step, ++i) {
      append_frame(log, i, 200 + random() % 4000);
      if (random() % 8 == 0 && !store.flush(soon())) break;
    }
    return store.persisted_up_to();
  } catch (const Error&) {
    return 0;  // it went while the store looked at what there is
  }
}

StoreOptions on_disk(FakeDisk& disk, uint64_t seed) {
  StoreOptions how;
  how.archive = archive_options("d", seed % 2 == 0 ? Keyring{} : one_key());
  how.archive.files = &disk;
  how.flush_interval = how.retry_interval = kNever;  // the test says when
  return how;
}

TEST(Crash, WhatWasAcknowledgedSurvivesAnyPowerCut) {
  uint64_t acknowledged_in_all = 0, leftovers = 0;
  for (int round = 0; round < rounds(150); ++round) {
    const auto seed = static_cast<uint64_t>(round);
    std::mt19937_64 random(seed);
    FakeDisk disk(seed);
    StoreOptions how = on_disk(disk, seed);
    if (round % 3 == 1) how.archive.max_bytes = kRetained;
    uint64_t acknowledged = 0;
    for (int life = 0; life < 3; ++life) {
      const uint64_t before = acknowledged;
      acknowledged = std::max(acknowledged, live_until_the_power_goes(disk, how, random));
      acknowledged_in_all += acknowledged - before;
      disk.restart();
      Archive archive(how.archive);
      for (const auto& file : archive.rejected()) {
        ASSERT_EQ(file.reason, RejectedFile::Reason::kLeftover) << "round " << round << ": " << file.line;
        ++leftovers;
      }
      // Of files that retention took some may be there again, with holes between them; behind its limit all are.
      uint64_t begin = 0;
      if (how.archive.max_bytes) {
        const auto files = archive.segments();
        uint64_t bytes = 0;
        begin = archive.next_sequence();
        for (auto file = files.rbegin(); file != files.rend() && bytes + file->file_bytes <= kRetained; ++file) {
          bytes += file->file_bytes;
          begin = file->range.first_sequence;
        }
      }
      const auto end = end_of_what_is_kept(archive, begin);
      ASSERT_TRUE(end) << "round " << round << ": a frame is missing or wrong";
      ASSERT_EQ(*end, archive.next_sequence()) << "round " << round;
      ASSERT_GE(*end, acknowledged) << "round " << round;
    }
  }
  fmt::print("{} power cuts: {} frames were acknowledged and are there, {} leftovers were named\n", 3 * rounds(150),
             acknowledged_in_all, leftovers);
  EXPECT_GT(acknowledged_in_all, 25u * static_cast<uint64_t>(rounds(150))) << "the power must not always go at once";
}

TEST(Crash, OfADiskThatLiesTornFilesAreNamedAndTheRestIsServed) {
  uint64_t torn = 0, served = 0;
  for (int round = 0; round < rounds(150); ++round) {
    const auto seed = static_cast<uint64_t>(round);
    std::mt19937_64 random(seed);
    FakeDisk disk(seed);
    disk.lie(40);
    const StoreOptions how = on_disk(disk, seed);
    live_until_the_power_goes(disk, how, random);
    disk.restart();
    const auto files = disk.list("d");
    Archive archive(how.archive);
    std::map<std::string, std::string> named;
    for (const auto& file : archive.rejected()) {
      ASSERT_TRUE(named.emplace(file.name, file.line).second) << "once: " << file.line;
      ASSERT_NE(file.line.find(file.name), std::string::npos);
      const bool whole = file.reason == RejectedFile::Reason::kLeftover;
      if (!whole) {
        ASSERT_NE(file.line.find("moved aside as"), std::string::npos) << file.line;
        disk.size_bytes("d/" + file.name + ".bad");
        ++torn;
      }
    }
    const auto kept = archive.segments();
    ASSERT_EQ(named.size() + kept.size(), files.size()) << "round " << round << ": each is served or named";
    for (const auto& file : kept) {
      const auto segment = archive.from_sequence(file.range.first_sequence);
      for (uint32_t i = 0; i < segment->count(); ++i) ASSERT_TRUE(is_right(FrameRef(segment, i)));
      ASSERT_EQ(segment->count(), file.records);
      served += segment->count();
    }
    // Life goes on there.
    Store store(how, small_log());
    const uint64_t next = store.log()->options().first_sequence;
    append_frame(*store.log(), next, 1000);
    ASSERT_TRUE(store.flush(soon()));
    ASSERT_EQ(store.persisted_up_to(), next + 1);
  }
  fmt::print("{} power cuts of a disk that lies: {} torn files were named, {} frames were served\n", rounds(150), torn,
             served);
  EXPECT_GT(torn, 0u);
  EXPECT_GT(served, 0u);
}

}  // namespace
}  // namespace vedette::framelog
