#include "vedette/broker/lane.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "broker.pb.h"
#include "vedette/link/wire.h"

namespace vedette::broker {
namespace {

constexpr size_t kBytes = 1 << 20;

link::Descriptor copy(int file) { return link::Descriptor(::dup(file)); }

class LaneTest : public testing::Test {
 public:
  LaneTest() : reader(copy(pictures.file()), kBytes, copy(writer.files()[0]), copy(writer.files()[1])) {}
  void put(uint64_t sequence, size_t offset, size_t bytes, uint8_t value) {
    writer.begin(sequence);
    std::memset(pictures.data() + offset, value, bytes);
    v1::Frame frame;
    frame.set_sequence(sequence);
    frame.set_width(640);
    EXPECT_TRUE(writer.publish(frame, offset, bytes));
  }
  link::SharedFile pictures{"test-pictures", kBytes, link::SharedFile::Writers::kOnlyHere};
  LaneWriter writer;
  LaneReader reader;
  BufferPool pool;
  v1::Frame head;
};

TEST_F(LaneTest, TheNewestIsTakenByItsNumber) {
  EXPECT_FALSE(reader.take(0, pool, head)) << "nothing was published";
  EXPECT_FALSE(reader.take(7, pool, head));
  put(7, 4096, 5000, 42);
  EXPECT_FALSE(reader.take(6, pool, head));
  EXPECT_FALSE(reader.take(8, pool, head));
  const auto taken = reader.take(7, pool, head);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->size_bytes, 5000U);
  EXPECT_EQ(head.width(), 640U);
  put(8, 4096, 5000, 43);
  EXPECT_EQ(taken->bytes.get()[0], 42) << "a copy, whatever comes after it";
  EXPECT_EQ(taken->bytes.get()[4999], 42);
  EXPECT_TRUE(reader.take(8, pool, head));
}

TEST_F(LaneTest, AFrameThatIsBeingOverwrittenIsNotTaken) {
  put(1, 0, 100, 1);
  writer.begin(2);
  EXPECT_FALSE(reader.take(1, pool, head));
  EXPECT_FALSE(reader.take(2, pool, head)) << "it is not there yet, and does not come";
  writer.begin(0);
  EXPECT_FALSE(reader.take(1, pool, head)) << "a second begin() is still the beginning";
  put(2, 0, 100, 2);
  EXPECT_TRUE(reader.take(2, pool, head));
}

TEST_F(LaneTest, NonsenseIsNotTaken) {
  v1::Frame named;
  named.set_sequence(3);
  for (const auto& [offset, bytes] : {std::pair<size_t, size_t>{kBytes, 1},
                                      {0, kBytes + 1},
                                      {kBytes - 10, 11},
                                      {std::numeric_limits<size_t>::max(), 2},
                                      {2, std::numeric_limits<size_t>::max()},
                                      {0, 0}}) {
    EXPECT_TRUE(writer.publish(named, offset, bytes));
    EXPECT_FALSE(reader.take(3, pool, head)) << offset << " " << bytes;
  }
  named.set_data(std::string(5000, 'x'));  // a head that is no head
  EXPECT_FALSE(writer.publish(named, 0, 10));
  EXPECT_FALSE(reader.take(3, pool, head));
}

/// Whatever the words of a cell are, a reader reads nothing outside.
TEST_F(LaneTest, AnyCellIsSafeToRead) {
  const link::SharedFile forged("test-cell", 256 + 5 * 8, link::SharedFile::Writers::kPeers);
  const LaneReader victim(copy(pictures.file()), kBytes, copy(forged.file()), copy(writer.files()[1]));
  uint64_t seed = 88172645463325252ULL;
  const auto random = [&seed] {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
  };
  auto* words = reinterpret_cast<uint64_t*>(forged.data());
  for (int round = 0; round < 20'000; ++round) {
    for (size_t i = 0; i < forged.size_bytes() / 8; ++i) words[i] = random();
    words[0] &= ~uint64_t{1};
    words[1] = 5;
    words[2] = random() % (2 * kBytes);
    words[3] = random() % (2 * kBytes);
    words[4] = random() % 300;
    if (const auto taken = victim.take(5, pool, head)) {
      EXPECT_EQ(head.sequence(), 5U);
      EXPECT_LE(words[2] + taken->size_bytes, kBytes);
    }
  }
}

TEST_F(LaneTest, FilesOfTheWrongSizeOrUnsealedAreRefused) {
  EXPECT_THROW(LaneReader(copy(pictures.file()), kBytes + 1, copy(writer.files()[0]), {}), link::ProtocolError);
  EXPECT_THROW(LaneReader(copy(pictures.file()), kBytes, copy(pictures.file()), {}), link::ProtocolError);
  const link::Descriptor open(memfd_create("test-unsealed", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(open.get(), kBytes), 0);
  EXPECT_THROW(LaneReader(copy(open.get()), kBytes, copy(writer.files()[0]), {}), link::ProtocolError);
  EXPECT_THROW(LaneReader({}, kBytes, {}, {}), link::ProtocolError);
}

TEST_F(LaneTest, ReadersCannotWriteThePublishersMemory) {
  for (const int file : {pictures.file(), writer.files()[0]})
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), MAP_FAILED);
}

TEST(LaneClaims, CountOnlyForThePassTheyWereMadeFor) {
  LaneClaims broker;
  LaneClaims client(copy(broker.file()));
  EXPECT_EQ(broker.claimed(3, 1), 0U);
  client.claim(3, 1, 100);
  EXPECT_EQ(broker.claimed(3, 1), 100U);
  EXPECT_EQ(broker.claimed(4, 1), 0U);
  EXPECT_EQ(broker.claimed(3, 2), 0U) << "the claim was passed to another subscription since";
  client.claim(3, 2, 7);
  EXPECT_EQ(broker.claimed(3, 2), 7U);
  client.claim(LaneClaims::kMost, 1, 1);
  EXPECT_EQ(broker.claimed(LaneClaims::kMost, 1), 0U);
}

}  // namespace
}  // namespace vedette::broker
