#include "vedette/framelog/segment_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "vedette/framelog/crc32c.h"
#include "vedette/framelog/testing.h"

namespace vedette::framelog {
namespace {

using testing::append_frame;
using testing::frame_bytes;
using testing::is_right;

SecretKey key(uint8_t seed) {
  SecretKey key{};
  key.fill(seed);
  return key;
}

std::vector<std::byte> file_of(const Segment& segment, uint32_t begin, uint32_t end, const Keyring& keys) {
  std::vector<std::byte> file;
  SegmentImage(segment, begin, end, "yard", keys).write([&](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
  });
  return file;
}

ReadAt reader(const std::vector<std::byte>& file) {
  return [&file](uint64_t offset, std::span<std::byte> into) {
    if (offset > file.size() || into.size() > file.size() - offset) throw Error(ErrorCode::kInvalidData, "too short");
    std::copy_n(file.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
  };
}

SegmentPtr sample(uint32_t frames, size_t frame_bytes_each) {
  LogOptions options;
  options.camera = "yard";
  options.segment_bytes = 8 << 20;
  options.capacity_bytes = 16 << 20;
  const auto log = Log::make(options);
  for (uint32_t i = 0; i < frames; ++i) append_frame(*log, i, frame_bytes_each + i);
  return log->segments().back();
}

TEST(Crc32c, KnownValuesBothWays) {
  // RFC 3720 appendix B.4.
  std::vector<std::byte> bytes(32, std::byte{0});
  EXPECT_EQ(crc32c(bytes), 0x8A9136AAu);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(crc32c(bytes), 0x62A8AB43u);
  for (size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc32c(bytes), 0x46DD794Eu);
  for (const size_t size : {0, 1, 7, 8, 9, 100, 4097}) {
    const auto random = frame_bytes(size, size);
    EXPECT_EQ(crc32c(random), crc32c_portable(random));
    EXPECT_EQ(crc32c(std::span(random).subspan(size / 3), crc32c(std::span(random).first(size / 3))), crc32c(random));
  }
}

TEST(SegmentFile, ComesBackWholeOrInPart) {
  const auto segment = sample(50, 60'000);  // three chunks
  for (const auto& keys : {Keyring{}, Keyring::of({key(1), key(2)})}) {
    for (const auto& [begin, end] : {std::pair{0u, 50u}, {7u, 8u}, {20u, 50u}}) {
      const auto file = file_of(*segment, begin, end, keys);
      const auto header = read_header(reader(file), file.size());
      EXPECT_EQ(header.camera, "yard");
      EXPECT_EQ(header.records, end - begin);
      EXPECT_EQ(header.range.first_sequence, begin);
      EXPECT_EQ(header.sealed(), !keys.empty());
      EXPECT_EQ(check_structure(reader(file), file.size(), keys).records, end - begin);
      const auto loaded = load_segment(reader(file), file.size(), keys);
      ASSERT_EQ(loaded->count(), end - begin);
      for (uint32_t i = 0; i < loaded->count(); ++i) EXPECT_TRUE(is_right(FrameRef(loaded, i)));
    }
  }
}

TEST(SegmentFile, SealedBytesDoNotShowAndTwoSealingsDiffer) {
  const auto segment = sample(3, 2000);
  const auto plain = frame_bytes(1, 2001);
  const auto keys = Keyring::of({key(9)});
  const auto shows = [&](const std::vector<std::byte>& file) {
    return std::search(file.begin(), file.end(), plain.begin(), plain.begin() + 16) != file.end();
  };
  const auto sealed = file_of(*segment, 0, 3, keys);
  EXPECT_TRUE(shows(file_of(*segment, 0, 3, {})));
  EXPECT_FALSE(shows(sealed));
  EXPECT_NE(sealed, file_of(*segment, 0, 3, keys));
}

TEST(SegmentFile, AnotherKeyIsNamed) {
  const auto file = file_of(*sample(2, 100), 0, 2, Keyring::of({key(1)}));
  try {
    load_segment(reader(file), file.size(), Keyring::of({key(2)}));
    FAIL();
  } catch (const SegmentFault& e) {
    EXPECT_EQ(e.kind(), SegmentFault::Kind::kUnknownKey);
    EXPECT_THAT(e.line(), ::testing::HasSubstr("which is not among those given"));
  }
  EXPECT_EQ(load_segment(reader(file), file.size(), Keyring::of({key(2), key(1)}))->count(), 2u);
}

/// Whatever is done to a file: it is refused, or what it serves is right.
void expect_sound(const std::vector<std::byte>& file, const Keyring& keys, uint64_t& refused) {
  try {
    const auto segment = load_segment(reader(file), file.size(), keys);
    for (uint32_t i = 0; i < segment->count(); ++i) ASSERT_TRUE(is_right(FrameRef(segment, i)));
  } catch (const Error& e) {
    ASSERT_FALSE(e.line().empty());
    ++refused;
  }
}

TEST(SegmentFile, NoCorruptionCrashesOrServesWrongBytes) {
  std::mt19937_64 random(4);
  for (const auto& keys : {Keyring{}, Keyring::of({key(3)})}) {
    const auto good = file_of(*sample(20, 400), 0, 20, keys);
    uint64_t refused = 0, tried = 0;
    for (int round = 0; round < 2500; ++round) {
      auto file = good;
      switch (random() % 5) {
        case 0: file.resize(random() % file.size()); break;
        case 1: file[random() % file.size()] ^= static_cast<std::byte>(1u << random() % 8); break;
        case 2: {
          const size_t at = random() % file.size();
          const size_t end = std::min(file.size(), at + 1 + random() % 600);
          for (size_t i = at; i < end; ++i) file[i] = static_cast<std::byte>(random() | 1);
          break;
        }
        case 3: {  // a piece goes elsewhere
          const size_t size = 1 + random() % 500;
          const size_t from = random() % (file.size() - size), to = random() % (file.size() - size);
          std::copy_n(good.begin() + static_cast<ptrdiff_t>(from), size, file.begin() + static_cast<ptrdiff_t>(to));
          break;
        }
        default: {  // a header that was made to fit
          file[random() % 252] = static_cast<std::byte>(random());
          const uint32_t crc = crc32c(std::span(file).first(252));
          std::memcpy(file.data() + 252, &crc, 4);
        }
      }
      if (file == good) continue;
      ++tried;
      expect_sound(file, keys, refused);
      if (HasFatalFailure()) return;
    }
    // A forged header of a plain file may pass where it says nothing of the frames: checksums are no seal.
    EXPECT_GE(refused, keys.empty() ? 2000u : tried);
  }
}

}  // namespace
}  // namespace vedette::framelog
