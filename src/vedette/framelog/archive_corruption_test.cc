// Ten thousand files that went bad on a disk, and what else the frame log reads from there: nothing crashes, everything
// is named, the rest is served.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "vedette/framelog/crc32c.h"
#include "vedette/framelog/knob_table.h"
#include "vedette/framelog/store.h"
#include "vedette/framelog/testing.h"
#include "vedette/framelog/testing_disk.h"

namespace vedette::framelog {
namespace {

using testing::append_frame;
using testing::FakeDisk;
using ::testing::HasSubstr;
using testing::is_right;
using testing::TemporaryFolder;

using Bytes = std::vector<std::byte>;

constexpr uint64_t kFiles = 12, kFramesAFile = 8;

Keyring keys_of(uint8_t seed) {
  SecretKey key{};
  key.fill(seed);
  return Keyring::of({key});
}

std::string name_of(uint64_t file) {
  return SegmentName::of({.first_sequence = file * kFramesAFile, .last_sequence = (file + 1) * kFramesAFile - 1});
}

/// The files of an archive of kFiles × kFramesAFile small frames.
std::vector<Bytes> archive_files(const std::string& camera, const Keyring& keys) {
  const auto log = Log::make({.camera = camera, .capacity_bytes = 2 << 20, .segment_bytes = 1 << 20});
  for (uint64_t i = 0; i < kFiles * kFramesAFile; ++i) append_frame(*log, i, 40 + i * 37 % 400);
  FakeDisk disk(1);
  Archive archive({.folder = "d", .camera = camera, .keys = keys, .files = &disk});
  std::vector<Bytes> files;
  for (uint64_t i = 0; i < kFiles; ++i) {
    const auto begin = static_cast<uint32_t>(i * kFramesAFile);
    archive.write(*log->segments().back(), begin, begin + static_cast<uint32_t>(kFramesAFile));
    files.push_back(disk.contents("d/" + name_of(i)));
  }
  return files;
}

void mend_header(Bytes& file) {
  if (file.size() < SegmentHeader::kBytes) return;
  const uint32_t crc = crc32c(std::span(file).first(SegmentHeader::kBytes - 4));
  std::memcpy(file.data() + SegmentHeader::kBytes - 4, &crc, sizeof(crc));
}

class Corrupter {
 public:
  explicit Corrupter(const Keyring& keys)
      : good(archive_files("yard", keys)),
        foreign(archive_files("gate", keys)),
        other_key(archive_files("yard", keys_of(99))) {}

  size_t below(size_t end) { return static_cast<size_t>(random() % end); }

  /// Of file `i` something else.
  Bytes corrupt(size_t i) {
    Bytes file = good[i];
    switch (below(13)) {
      case 0: file.resize(below(file.size())); break;
      case 1: file[below(file.size())] ^= static_cast<std::byte>(1u << random() % 8); break;
      case 2: fill(file, below(file.size()), 1 + below(600)); break;
      case 3: {  // two blocks change places
        const size_t size = 1 + below(file.size() / 3), a = below(file.size() / 2 - size / 2);
        const size_t b = a + size + below(file.size() - a - 2 * size + 1);
        if (b + size <= file.size()) {
          std::swap_ranges(file.begin() + offset(a), file.begin() + offset(a + size), file.begin() + offset(b));
        }
        break;
      }
      case 4:
        file[below(252)] = static_cast<std::byte>(random());
        mend_header(file);
        break;
      case 5: extreme_number(file); break;
      case 6: {
        const size_t end = file.size();
        file.resize(end + 1 + below(5000));
        fill(file, end, file.size());
        break;
      }
      case 7: file.clear(); break;
      case 8: file = foreign[below(kFiles)]; break;
      case 9: file = good[(i + 1 + below(kFiles - 1)) % kFiles]; break;
      case 10: {  // the end, index and all, of another one
        const Bytes& from = random() % 2 == 0 ? foreign[i] : good[(i + 1) % kFiles];
        const size_t size = 1 + below(std::min(file.size(), from.size()));
        std::copy_n(from.end() - offset(size), size, file.end() - offset(size));
        break;
      }
      case 11: file = other_key[i]; break;
      default: file.resize(below(4000)); fill(file, 0, file.size());
    }
    return file;
  }

  const std::vector<Bytes> good, foreign, other_key;
  std::mt19937_64 random{11};

 private:
  static ptrdiff_t offset(size_t at) { return static_cast<ptrdiff_t>(at); }
  void fill(Bytes& file, size_t begin, size_t size) {
    for (size_t i = begin; i < std::min(file.size(), begin + size); ++i) file[i] = static_cast<std::byte>(random());
  }
  /// One of the header's numbers becomes one that overflows something.
  void extreme_number(Bytes& file) {
    static constexpr std::array<std::pair<size_t, size_t>, 11> kNumbers = {
        {{8, 4}, {12, 4}, {16, 8}, {40, 8}, {48, 8}, {56, 8}, {64, 8}, {72, 8}, {80, 4}, {84, 1}, {85, 1}}};
    static constexpr std::array<uint64_t, 12> kValues = {
        0,          1,           0xff,       0x7fffffff,         0x80000000,         0xffffffff,
        0xfffffffe, 0x100000000, 1ull << 48, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff};
    for (size_t i = 0; i <= below(2); ++i) {
      const auto [at, size] = kNumbers.at(below(kNumbers.size()));
      const uint64_t value = kValues.at(below(kValues.size()));
      std::memcpy(file.data() + at, &value, size);
    }
    mend_header(file);
  }
};

/// Everything that is served, each frame of it checked.
std::set<uint64_t> served(Archive& archive) {
  std::set<uint64_t> sequences;
  for (uint64_t next = 0; const auto segment = archive.from_sequence(next);) {
    for (uint32_t i = segment->first_from_sequence(next); i < segment->count(); ++i) {
      EXPECT_TRUE(is_right(FrameRef(segment, i)));
      sequences.insert(segment->entry(i).sequence);
    }
    next = segment->entry(segment->count() - 1).sequence + 1;
  }
  return sequences;
}

void expect_named_and_the_rest_served(Corrupter& corrupter, FakeDisk& disk, const std::set<size_t>& changed,
                                      const ArchiveOptions& how) {
  Archive archive(how);
  const auto sequences = served(archive);
  std::set<std::string> named;
  for (const auto& file : archive.rejected()) {
    EXPECT_THAT(file.line, HasSubstr(file.name.substr(0, file.name.find('\n'))));
    EXPECT_EQ(file.line.find('\n'), std::string::npos) << "one line: " << file.line;
    named.insert(file.name);
  }
  for (size_t i = 0; i < kFiles; ++i) {
    const bool whole = sequences.contains(i * kFramesAFile) && sequences.contains((i + 1) * kFramesAFile - 1);
    if (!changed.contains(i)) {
      EXPECT_TRUE(whole) << name_of(i) << " is good and not served";
      EXPECT_FALSE(named.contains(name_of(i)));
    } else {
      EXPECT_NE(whole, named.contains(name_of(i))) << name_of(i) << " is served, or named and not served";
    }
  }
  if (corrupter.below(8) != 0) return;
  // Frames go on to be kept there.
  StoreOptions store_options;
  store_options.archive = how;
  store_options.archive.read_only = false;
  Store store(store_options, {.camera = "yard", .capacity_bytes = 256 << 10, .segment_bytes = 64 << 10});
  const uint64_t next = store.log()->options().first_sequence;
  RecordInfo info;
  info.time = store.archive()->last_time().value_or(testing::time_of(0)) + std::chrono::seconds(1);
  EXPECT_EQ(store.log()->append(info, testing::frame_bytes(1, 100)), next);
  EXPECT_TRUE(store.flush(std::chrono::steady_clock::now() + std::chrono::seconds(60)));
  disk.size_bytes("d/" + SegmentName::of({.first_sequence = next, .last_sequence = next}));
}

TEST(Corruption, OfTenThousandFilesEachIsNamedAndTheRestIsServed) {
  size_t files = 0, identical = 0;
  for (const auto& keys : {Keyring{}, keys_of(7)}) {
    Corrupter corrupter(keys);
    for (size_t done = 0; done < 5000;) {
      FakeDisk disk(done);
      std::set<size_t> changed;
      for (size_t i = 0; i < kFiles; ++i) {
        Bytes file = corrupter.good[i];
        if (corrupter.below(3) == 0) {
          file = corrupter.corrupt(i);
          if (file == corrupter.good[i]) {
            ++identical;
          } else {
            changed.insert(i);
          }
        }
        disk.put("d/" + name_of(i), std::move(file));
      }
      if (corrupter.below(10) == 0) disk.put("d/" + name_of(kFiles + 5) + ".tmp", corrupter.good[0]);
      if (corrupter.below(10) == 0) disk.put("d/oddly named\n.seg", corrupter.good[1]);
      done += changed.size();
      files += changed.size();
      expect_named_and_the_rest_served(corrupter, disk, changed,
                                       {.folder = "d",
                                        .camera = "yard",
                                        .keys = keys,
                                        .verify_bytes = corrupter.below(2) == 0 ? 0 : UINT64_MAX,
                                        .files = &disk,
                                        .read_only = corrupter.below(4) == 1});
      if (HasFailure()) FAIL() << "after " << files << " files";
    }
  }
  fmt::print("{} corrupted files, {} tries changed nothing\n", files, identical);
}

TEST(Corruption, WhatIsNoFileOrVastIsPassedOver) {
  const TemporaryFolder folder;
  const auto good = archive_files("yard", {});
  const auto write = [&](const std::string& name, const Bytes& bytes) {
    std::ofstream(folder.path() + "/" + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  write(name_of(0), good[0]);
  std::filesystem::create_directory(folder.path() + "/" + name_of(1));
  std::filesystem::create_symlink("nowhere", folder.path() + "/" + name_of(2));
  ASSERT_EQ(::mkfifo((folder.path() + "/" + name_of(3)).c_str(), 0600), 0);
  // A file of 188 GB, all of it hole, whose header fits its size, and one whose index alone would take 2.9 GB.
  for (const auto& [file, records, data] :
       {std::tuple{4u, 0xffffffffu, uint64_t{1} << 32}, {5u, 1u << 26, uint64_t{1} << 32}}) {
    Bytes vast = good[file];
    vast.resize(SegmentHeader::kBytes);
    std::memcpy(vast.data() + 12, &records, sizeof(records));
    std::memcpy(vast.data() + 72, &data, sizeof(data));
    mend_header(vast);
    write(name_of(file), vast);
    SegmentHeader header;
    header.records = records;
    header.data_bytes = data;
    std::filesystem::resize_file(folder.path() + "/" + name_of(file), header.file_bytes());
  }
  write(name_of(6), good[6]);
  for (const uint64_t verify : {uint64_t{0}, UINT64_MAX}) {
    Archive archive({.folder = folder.path(), .camera = "yard", .verify_bytes = verify, .read_only = true});
    EXPECT_EQ(served(archive).size(), 2 * kFramesAFile);
    ASSERT_EQ(archive.rejected().size(), 2u);
    for (const auto& file : archive.rejected()) EXPECT_EQ(file.reason, RejectedFile::Reason::kTorn) << file.line;
  }
}

TEST(Corruption, FilesThatShrinkOrVanishLaterAreNamedToo) {
  const TemporaryFolder folder;
  const auto good = archive_files("yard", {});
  FakeDisk disk(1);
  for (size_t i = 0; i < kFiles; ++i) disk.put("d/" + name_of(i), good[i]);
  Archive archive({.folder = "d", .camera = "yard", .files = &disk});
  disk.contents("d/" + name_of(2)).resize(300);
  disk.remove("d/" + name_of(4));
  EXPECT_EQ(served(archive).size(), (kFiles - 2) * kFramesAFile);
  const auto rejected = archive.rejected();
  ASSERT_EQ(rejected.size(), 2u);
  EXPECT_EQ(rejected[0].reason, RejectedFile::Reason::kTorn);
  EXPECT_EQ(rejected[1].reason, RejectedFile::Reason::kUnreadable);
  EXPECT_EQ(archive.lost_files(), 2u);
}

TEST(Corruption, AFileOfAnotherCameraInTheWayIsMovedAside) {
  FakeDisk disk(1);
  const auto foreign = archive_files("gate", {});
  disk.put("d/" + name_of(0), foreign[0]);
  const auto log = Log::make({.camera = "yard", .capacity_bytes = 2 << 20, .segment_bytes = 1 << 20});
  for (uint64_t i = 0; i < kFramesAFile; ++i) append_frame(*log, i, 100);
  Archive archive({.folder = "d", .camera = "yard", .files = &disk});
  ASSERT_EQ(archive.rejected().size(), 1u);
  archive.write(*log->segments().back(), 0, kFramesAFile);
  EXPECT_EQ(disk.contents("d/" + name_of(0) + ".bad"), foreign[0]) << "nobody's frames are written over";
  EXPECT_EQ(served(archive).size(), kFramesAFile);
}

/// Text as it may look after a bad day.
std::string corrupt_text(std::string text, std::mt19937_64& random) {
  for (size_t changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const size_t at = random() % text.size();
    switch (random() % 6) {
      case 0: text[at] = static_cast<char>(random()); break;
      case 1: text.resize(at); break;
      case 2: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
      case 3: text.erase(at, 1 + random() % 8); break;
      case 4: text.insert(at, 1 + random() % 300, "0,\n-e9\0\""[random() % 9]); break;
      default: text.replace(at, 1, "1e999"); break;
    }
  }
  return text;
}

/// Reads `text` after each of 500 changes; what is refused is refused in one line. How many were refused.
size_t refused_of_500(const std::string& text, const std::function<void(const std::string& path)>& read) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/file";
  std::mt19937_64 random(5);
  size_t refused = 0;
  for (int i = 0; i < 500; ++i) {
    std::ofstream(path, std::ios::binary) << corrupt_text(text, random);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    try {
      read(path);
    } catch (const Error& e) {
      EXPECT_EQ(e.line().find('\n'), std::string::npos) << e.line();
      EXPECT_THAT(e.line(), HasSubstr(path));
      ++refused;
    }
  }
  return refused;
}

TEST(Corruption, KeyFilesAndTables) {
  const std::string keys = "# keys\n" + std::string(64, 'a') + "\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
  EXPECT_GT(refused_of_500(keys, [](const std::string& path) { Keyring::from_file(path); }), 250u);
  const std::string csv =
      "id,name,bytes_mean,bytes_p95,f1,kept,live\n500,untouched,300000,400000,1,1,yes\n"
      "12,half,90000,120000,0.97,0.9,yes\n7,quarter,20000,30000,0.8,1,no\n";
  EXPECT_GT(refused_of_500(csv, [](const std::string& path) { KnobTable::load(path); }), 75u);
  const std::string json = R"({"combinations": [{"id": 500, "bytes_mean": 300000, "f1": 1, "name": "untouched"},
    {"id": 7, "bytes_mean": 20000, "bytes_p95": 30000, "f1": 0.8, "cost_ms": 3, "live": true, "kept": 0.5}]})";
  EXPECT_GT(refused_of_500(json, [](const std::string& path) { KnobTable::load(path); }), 250u);
}

}  // namespace
}  // namespace vedette::framelog
