#include "vedette/link/shared_ring.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vedette/link/wire.h"

namespace vedette::link {
namespace {

Descriptor copy(int fd) { return Descriptor(::dup(fd)); }

std::shared_ptr<SharedReader> reader_of(SharedWriter& writer) {
  const std::vector<int> files = writer.files();
  return std::make_shared<SharedReader>(copy(files[0]), copy(files[1]), copy(files[2]), writer.arena().size_bytes(),
                                        kLeases);
}

TEST(Extents, LowestPartFirst) {
  Extents extents(10 * Extents::kGrain);
  EXPECT_EQ(extents.take(5000), 0u);
  EXPECT_EQ(extents.take(1), 2 * Extents::kGrain);
  EXPECT_FALSE(extents.take(8 * Extents::kGrain));
  extents.put_back(0);
  EXPECT_EQ(extents.take(4096), 0u);
  EXPECT_EQ(extents.take(4096), Extents::kGrain);
  EXPECT_FALSE(extents.take(0));
  EXPECT_EQ(extents.used_bytes(), 3 * Extents::kGrain);
}

TEST(SharedRing, WhatIsWrittenIsReadAndReleased) {
  const auto arena = std::make_shared<SharedArena>(1 << 20);
  SharedWriter writer(arena);
  auto reader = reader_of(writer);
  auto buffer = arena->allocate(5000);
  ASSERT_TRUE(buffer);
  buffer.get()[4999] = 77;
  const auto offset = arena->offset_of(buffer.get(), 5000);
  ASSERT_TRUE(offset);
  const std::weak_ptr<uint8_t> watched = buffer;
  const auto lease = writer.lease({std::move(buffer)});
  ASSERT_TRUE(lease);
  auto held = reader->hold(*lease);
  EXPECT_EQ(reader->at(*offset, 5000)[4999], 77);
  EXPECT_TRUE(writer.in_use());
  EXPECT_FALSE(watched.expired());
  held.reset();
  EXPECT_FALSE(writer.in_use());
  EXPECT_TRUE(watched.expired());
}

TEST(SharedRing, LeasesAndMemoryAreBounded) {
  const auto arena = std::make_shared<SharedArena>(1 << 20);
  SharedWriter writer(arena);
  for (uint32_t i = 0; i < kLeases; ++i) ASSERT_TRUE(writer.lease({}));
  EXPECT_FALSE(writer.lease({}));
  writer.cancel(5);
  EXPECT_EQ(writer.lease({}), 5u);
  EXPECT_FALSE(arena->allocate((1 << 20) + 1));
}

TEST(SharedRing, APeerThatDiedHoldsNothing) {
  const auto arena = std::make_shared<SharedArena>(1 << 20);
  SharedWriter writer(arena);
  auto reader = reader_of(writer);
  writer.passed();
  auto held = reader->hold(*writer.lease({}));
  reader.reset();
  EXPECT_TRUE(writer.in_use()) << "a picture is still looked at";
  // The states are never set back, as after kill -9; only the pipe tells.
  SharedWriter other(arena);
  {
    auto dying = reader_of(other);
    other.passed();
    ASSERT_TRUE(other.lease({}));
    EXPECT_TRUE(other.in_use());
  }
  EXPECT_FALSE(other.in_use());
  held.reset();
  EXPECT_FALSE(writer.in_use());
}

TEST(SharedRing, RefusesWhatItCannotTrust) {
  const auto arena = std::make_shared<SharedArena>(1 << 20);
  SharedWriter writer(arena);
  const auto reader = reader_of(writer);
  EXPECT_THROW(reader->hold(0), ProtocolError);
  EXPECT_THROW(reader->hold(kLeases + 1), ProtocolError);
  EXPECT_THROW(reader->at(1, 10), ProtocolError);
  EXPECT_THROW(reader->at(1 << 20, 64), ProtocolError);
  EXPECT_THROW(reader->at(64, SIZE_MAX - 32), ProtocolError);
  EXPECT_THROW(reader->at(0, 1 << 20), ProtocolError) << "no room for the overrun";
  const std::vector<int> files = writer.files();
  EXPECT_THROW(SharedReader(copy(files[0]), copy(files[1]), copy(files[2]), 1 << 21, kLeases), ProtocolError);
  EXPECT_THROW(SharedReader(copy(files[0]), copy(files[1]), copy(files[2]), 1 << 20, 7), ProtocolError);
  Descriptor unsealed(memfd_create("unsealed", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(unsealed.get(), 1 << 20), 0);
  EXPECT_THROW(SharedReader(std::move(unsealed), copy(files[1]), copy(files[2]), 1 << 20, kLeases), ProtocolError);
}

}  // namespace
}  // namespace vedette::link
