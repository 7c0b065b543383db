#include "vedette/framelog/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "vedette/framelog/log_set.h"
#include "vedette/framelog/testing.h"
#include "vedette/framelog/testing_disk.h"

namespace vedette::framelog {
namespace {

using testing::append_frame;
using testing::FakeDisk;
using testing::frame_size;
using testing::is_right;
using testing::TemporaryFolder;
using testing::time_of;

constexpr auto kNever = std::chrono::hours(24);

SecretKey key(uint8_t seed) {
  SecretKey key{};
  key.fill(seed);
  return key;
}

StoreOptions options(FileSystem* files, const std::string& folder, const Keyring& keys = {}) {
  StoreOptions options;
  options.archive.folder = folder;
  options.archive.keys = keys;
  options.archive.files = files;
  options.flush_interval = kNever;  // tests say when
  options.retry_interval = kNever;
  return options;
}

LogOptions small_log() {
  LogOptions options;
  options.camera = "yard";
  options.segment_bytes = 64 << 10;
  options.capacity_bytes = 4 * options.segment_bytes;
  return options;
}

MonotonicTime soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

/// Sequence numbers of everything from here on that is kept, each frame of it checked.
std::vector<uint64_t> read_all(const Log& log) {
  std::vector<uint64_t> sequences;
  auto cursor = log.follow_sequence(0);
  while (const auto frame = cursor.next()) {
    EXPECT_TRUE(is_right(*frame));
    sequences.push_back(frame->sequence());
  }
  return sequences;
}

std::vector<uint64_t> up_to(uint64_t end, uint64_t begin = 0) {
  std::vector<uint64_t> numbers;
  for (uint64_t i = begin; i < end; ++i) numbers.push_back(i);
  return numbers;
}

TEST(Store, HistoryThatLeftMemoryComesFromDisk) {
  FakeDisk disk(1);
  Store store(options(&disk, "d", Keyring::of({key(1)})), small_log());
  Log& log = *store.log();
  for (uint64_t i = 0; i < 1000; ++i) {
    append_frame(log, i, frame_size(i));
    if (i % 50 == 0) {
      ASSERT_TRUE(store.flush(soon()));
    }
  }
  ASSERT_TRUE(store.flush(soon()));
  EXPECT_GT(log.stats().evicted, 500u);
  EXPECT_EQ(read_all(log), up_to(1000));
  EXPECT_EQ(log.at(time_of(3))->sequence(), 3u);
  EXPECT_EQ(log.before(time_of(3))->sequence(), 2u);
  EXPECT_EQ(log.after(time_of(3))->sequence(), 4u);
  EXPECT_EQ(log.oldest()->sequence(), 0u);
  EXPECT_FALSE(log.before(time_of(0)));
  auto range = log.range(time_of(100), time_of(990));
  for (uint64_t i = 100; i < 990; ++i) EXPECT_EQ(range.next()->sequence(), i);
  EXPECT_FALSE(range.next());
  EXPECT_EQ(store.persisted_up_to(), 1000u);
  EXPECT_EQ(store.stats().persisted_frames, 1000u);
  EXPECT_EQ(store.stats().lost_frames, 0u);
}

TEST(Store, PartsOfASegmentGiveWayToTheWhole) {
  FakeDisk disk(1);
  Store store(options(&disk, "d"), small_log());
  Log& log = *store.log();
  uint64_t i = 0;
  for (; i < 5; ++i) {
    append_frame(log, i, 1000);
    ASSERT_TRUE(store.flush(soon()));
  }
  EXPECT_EQ(store.archive()->segments().size(), 5u);
  while (log.segments().size() < 2) append_frame(log, i++, 1000);
  ASSERT_TRUE(store.flush(soon()));
  EXPECT_EQ(store.archive()->segments().size(), 2u) << "the whole first, a part of the second";
  EXPECT_EQ(disk.list("d").size(), 2u);
  EXPECT_EQ(store.archive()->segments()[0].range.first_sequence, 0u);
}

TEST(Store, ARestartGoesOnWhereItEnded) {
  TemporaryFolder folder;
  for (uint64_t run = 0; run < 3; ++run) {
    Store store(options(nullptr, folder.path(), Keyring::of({key(5)})), small_log());
    EXPECT_EQ(read_all(*store.log()), up_to(run * 100));
    if (run > 0) {
      EXPECT_THROW(append_frame(*store.log(), run * 100 - 1, 10), Error) << "older than what is stored";
    }
    for (uint64_t i = 0; i < 100; ++i) {
      RecordInfo info;
      info.time = time_of(run * 100 + i);
      EXPECT_EQ(store.log()->append(info, testing::frame_bytes(run * 100 + i, 2000)), run * 100 + i);
    }
  }
  Archive archive({.folder = folder.path(), .camera = "yard", .keys = Keyring::of({key(5)}), .read_only = true});
  EXPECT_TRUE(archive.rejected().empty());
  EXPECT_EQ(archive.next_sequence(), 300u);
}

TEST(Store, AFullDiskStopsStoringAndNothingElse) {
  FakeDisk disk(1);
  Store store(options(&disk, "d"), small_log());
  Log& log = *store.log();
  disk.set_capacity_bytes(30'000);
  uint64_t i = 0;
  for (; i < 600; ++i) append_frame(log, i, 1000);
  EXPECT_FALSE(store.flush(soon()));
  EXPECT_THAT(store.stats().trouble.value_or(""), ::testing::HasSubstr("the disk is full"));
  EXPECT_EQ(log.newest()->sequence(), 599u);
  EXPECT_TRUE(disk.list("d").empty()) << "the half-written file went";
  disk.set_capacity_bytes(UINT64_MAX);
  EXPECT_TRUE(store.flush(soon()));
  const StoreStats stats = store.stats();
  EXPECT_FALSE(stats.trouble);
  EXPECT_GT(stats.lost_frames, 0u);
  EXPECT_EQ(stats.lost_frames + stats.persisted_frames, 600u);
}

TEST(Store, ADiskThatIsFullFromTheBeginningIsNoReasonNotToBegin) {
  FakeDisk disk(1);
  disk.set_capacity_bytes(0);
  Store store(options(&disk, "d"), small_log());
  append_frame(*store.log(), 0, 1000);
  EXPECT_FALSE(store.flush(soon()));
  EXPECT_THAT(store.stats().trouble.value_or(""), ::testing::HasSubstr("the disk is full"));
  disk.set_capacity_bytes(UINT64_MAX);
  EXPECT_TRUE(store.flush(soon()));
  EXPECT_EQ(store.persisted_up_to(), 1u);
}

TEST(Store, OnAFullDiskRetentionMakesRoom) {
  FakeDisk disk(1);
  ManualClock clock(time_of(0));
  auto how = options(&disk, "d");
  how.clock = &clock;
  how.archive.max_age = std::chrono::milliseconds(100);
  Store store(how, small_log());
  for (uint64_t i = 0; i < 100; ++i) append_frame(*store.log(), i, 1000);
  ASSERT_TRUE(store.flush(soon()));
  disk.set_capacity_bytes(120'000);
  clock.advance(std::chrono::seconds(1));
  for (uint64_t i = 100; i < 150; ++i) append_frame(*store.log(), i, 1000);
  EXPECT_TRUE(store.flush(soon())) << store.stats().trouble.value_or("");
  EXPECT_EQ(store.persisted_up_to(), 150u);
  EXPECT_GE(store.stats().removed_frames, 100u);
}

TEST(Store, RetentionByAgeAndBytes) {
  FakeDisk disk(1);
  ManualClock clock(time_of(0));
  auto with_age = options(&disk, "d");
  with_age.clock = &clock;
  with_age.archive.max_age = std::chrono::milliseconds(500);
  {
    Store store(with_age, small_log());
    for (uint64_t i = 0; i < 200; ++i) append_frame(*store.log(), i, 3000);
    ASSERT_TRUE(store.flush(soon()));
    const size_t before = store.archive()->segments().size();
    clock.advance(std::chrono::milliseconds(650));
    ASSERT_TRUE(store.flush(soon()));
    EXPECT_LT(store.archive()->segments().size(), before);
    EXPECT_GE(store.archive()->segments().front().range.last_time_us, micros_floor(time_of(150)));
    EXPECT_GT(store.stats().removed_frames, 0u);
  }
  Archive archive({.folder = "d", .camera = "yard", .max_bytes = 100'000, .files = &disk});
  EXPECT_GT(archive.retain(time_of(0)), 0u);
  EXPECT_LE(archive.file_bytes(), 100'000u);
  EXPECT_EQ(archive.next_sequence(), 200u) << "the newest stay";
}

TEST(Store, TornTamperedAndForeignFilesAreNamedAndTheRestIsServed) {
  TemporaryFolder folder;
  const auto keys = Keyring::of({key(1)});
  {
    Store store(options(nullptr, folder.path(), keys), small_log());
    for (uint64_t i = 0; i < 300; ++i) {
      append_frame(*store.log(), i, 1000);
      if (i % 20 == 0) {
        ASSERT_TRUE(store.flush(soon()));
      }
    }
  }
  const auto files = Archive({.folder = folder.path(), .camera = "yard", .keys = keys, .read_only = true}).segments();
  ASSERT_GE(files.size(), 4u);
  const auto path = [&](size_t i) { return folder.path() + "/" + files[i].name; };
  std::filesystem::resize_file(path(0), files[0].file_bytes / 2);
  {
    std::fstream file(path(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file.put('x');
    file.put('y');
  }
  std::ofstream(folder.path() + "/00000000000000009999-00000000000000009999.seg.tmp") << "begun";
  std::ofstream(folder.path() + "/notes.txt") << "not ours";
  Archive archive({.folder = folder.path(), .camera = "yard", .keys = keys});
  const auto rejected = archive.rejected();
  ASSERT_EQ(rejected.size(), 3u);
  for (const auto& file : rejected) EXPECT_THAT(file.line, ::testing::HasSubstr(file.name));
  EXPECT_EQ(archive.segments().size(), files.size() - 2);
  EXPECT_TRUE(std::filesystem::exists(path(0) + ".bad"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/notes.txt"));
  EXPECT_EQ(archive.from_sequence(0)->entry(0).sequence, files[2].range.first_sequence);

  // A file that goes bad later is found when it is read.
  {
    std::fstream file(path(2), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2000);
    file.put('x');
    file.put('y');
  }
  EXPECT_EQ(Archive({.folder = folder.path(), .camera = "yard", .keys = keys, .read_only = true}).rejected().size(),
            1u);
  Archive lazy({.folder = folder.path(), .camera = "yard", .keys = keys, .verify_bytes = 0});
  EXPECT_TRUE(lazy.rejected().empty());
  EXPECT_EQ(lazy.from_sequence(0)->entry(0).sequence, files[3].range.first_sequence);
  EXPECT_EQ(lazy.lost_files(), 1u);
}

TEST(Store, AnotherKeyKeepsTheFilesAndTheirNumbers) {
  TemporaryFolder folder;
  {
    Store store(options(nullptr, folder.path(), Keyring::of({key(1)})), small_log());
    for (uint64_t i = 0; i < 10; ++i) append_frame(*store.log(), i, 1000);
  }
  {
    Store store(options(nullptr, folder.path(), Keyring::of({key(2)})), small_log());
    ASSERT_EQ(store.archive()->rejected().size(), 1u);
    EXPECT_EQ(store.archive()->rejected()[0].reason, RejectedFile::Reason::kUnknownKey);
    EXPECT_TRUE(read_all(*store.log()).empty());
    EXPECT_EQ(append_frame(*store.log(), 10, 1000), 10u);
  }
  Archive archive({.folder = folder.path(), .camera = "yard", .keys = Keyring::of({key(3), key(2), key(1)})});
  EXPECT_EQ(archive.segments().size(), 2u);
  EXPECT_EQ(archive.reseal(), 2u);
  for (const auto& file : archive.segments()) EXPECT_EQ(file.key_id, Keyring::id_of(key(3)));
  const Archive rotated({.folder = folder.path(), .camera = "yard", .keys = Keyring::of({key(3)})});
  EXPECT_EQ(rotated.segments().size(), 2u);
}

TEST(LogSet, OpensByCameraAndFindsThemAgain) {
  TemporaryFolder folder;
  LogSetOptions how;
  how.log = small_log();
  how.folder = folder.path();
  how.max_cameras = 2;
  {
    LogSet logs(how);
    const auto yard = logs.open("yard");
    EXPECT_EQ(logs.open("yard"), yard);
    append_frame(*logs.open("../gate 2"), 0, 100);
    EXPECT_THAT(logs.cameras(), ::testing::ElementsAre("../gate 2", "yard"));
    EXPECT_EQ(logs.find("street"), nullptr);
    EXPECT_THROW(logs.open("street"), Error);
    EXPECT_THROW(logs.open(""), Error);
    EXPECT_NE(logs.store("yard"), nullptr);
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/%2E./gate%202") ||
              std::filesystem::exists(folder.path() + "/" + folder_name("../gate 2")));
  std::filesystem::create_directory(folder.path() + "/lost+found");
  LogSet logs(how);
  EXPECT_THAT(logs.stored(), ::testing::ElementsAre("../gate 2", "yard")) << "before any is opened";
  EXPECT_EQ(read_all(*logs.open("../gate 2")), up_to(1));
  EXPECT_EQ(camera_of_folder(folder_name("../gate 2")), "../gate 2");
}

TEST(Keyring, FilesMustBePrivateAndHoldKeys) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/key";
  make_segment_key_file(path);
  const auto ring = Keyring::from_file(path);
  EXPECT_NE(Keyring::id_of(ring.sealing()), 0u);
  EXPECT_THROW(make_segment_key_file(path), Error);
  ::chmod(path.c_str(), 0644);
  EXPECT_THROW(Keyring::from_file(path), Error);
  ::chmod(path.c_str(), 0600);
  std::ofstream(path) << "# two\n" << std::string(64, 'a') << "\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
  const auto two = Keyring::from_file(path);
  EXPECT_EQ(two.sealing()[0], 0xaa);
  EXPECT_NE(two.find(Keyring::id_of(key(1))), nullptr);
  std::ofstream(path) << "not a key\n";
  try {
    Keyring::from_file(path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    EXPECT_THAT(e.line(), ::testing::HasSubstr("line 1 is no key"));
  }
  EXPECT_THROW(Keyring::from_environment("VEDETTE_NO_SUCH_KEY"), Error);
  EXPECT_TRUE(Keyring::from("", "VEDETTE_NO_SUCH_KEY").empty());
}

}  // namespace
}  // namespace vedette::framelog
