#include "vedette/node/exchange.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

using graph::Ending;
using testing::kPatience;
using testing::TemporaryFolder;

std::shared_ptr<const StreamInfo> stream_info(const std::string& name, uint32_t index) {
  return std::make_shared<const StreamInfo>(StreamInfo{name, index, "s"});
}

Observation observation(const std::shared_ptr<const StreamInfo>& stream, uint64_t sequence) {
  auto frame = std::make_shared<Frame>();
  frame->stream = stream;
  frame->sequence = sequence;
  frame->arrival = Clock::system().monotonic();
  frame->width = 640;
  frame->height = 480;
  return Observation(std::move(frame));
}

/// Counts calls of room().
class Producer final : public graph::Outlet {
 public:
  void change_readers(const graph::Readers&, const graph::Readers&) override {}
  void room() override {
    {
      const std::lock_guard lock(mutex_);
      ++rooms_;
    }
    changed_.notify_all();
  }
  /// Reserves, and waits for room() where there is no place.
  bool reserve(graph::Inlet& inlet) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      std::unique_lock lock(mutex_);
      const uint64_t seen = rooms_;
      lock.unlock();
      if (inlet.reserve()) return true;
      lock.lock();
      if (!changed_.wait_until(lock, deadline, [&] { return rooms_ != seen; })) return false;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t rooms_ = 0;
};

/// Takes as many as it is allowed to.
class Reader final : public graph::Inlet {
 public:
  explicit Reader(size_t places) : places_(places) {}
  void join(std::weak_ptr<graph::Outlet> outlet) override { outlet_ = std::move(outlet); }
  bool reserve() override {
    const std::lock_guard lock(mutex_);
    if (places_ == 0) return false;
    --places_;
    return true;
  }
  void give_back() override {
    const std::lock_guard lock(mutex_);
    ++places_;
  }
  void put(Observation observation, bool) override {
    {
      const std::lock_guard lock(mutex_);
      came_.push_back(std::move(observation));
    }
    changed_.notify_all();
  }
  void end(const graph::Outlet&, Ending why) override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = why;
    }
    changed_.notify_all();
  }

  void allow(size_t more) {
    {
      const std::lock_guard lock(mutex_);
      places_ += more;
    }
    if (const auto outlet = outlet_.lock()) outlet->room();
  }
  /// The sequence numbers of the first `count` that came; fewer when they do not come.
  std::vector<uint64_t> wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return came_.size() >= count; });
    std::vector<uint64_t> sequences;
    for (const auto& one : came_) sequences.push_back(one.frame().sequence);
    return sequences;
  }
  std::optional<Ending> wait_end() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return ended_.has_value(); });
    return ended_;
  }
  std::optional<Ending> ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  const StreamInfo& stream() const { return came_.front().stream(); }

 private:
  std::weak_ptr<graph::Outlet> outlet_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t places_;
  std::vector<Observation> came_;
  std::optional<Ending> ended_;
};

std::vector<uint64_t> numbers(uint64_t from, uint64_t to) {
  std::vector<uint64_t> list;
  for (uint64_t i = from; i < to; ++i) list.push_back(i);
  return list;
}

/// Two nodes in one process, linked by a Unix socket; a sends to b.
class ExchangeTest : public ::testing::Test {
 public:
  struct Side {
    Side(const std::string& name, const std::string& socket)
        : endpoint([&] {
            link::EndpointOptions options;
            options.node = name;
            options.listen = {"unix:" + socket};
            return options;
          }()),
          exchange(endpoint, LinkSettings{}, kPatience) {}
    link::Endpoint endpoint;
    LinkExchange exchange;
  };

  plan::Channel channel(const std::string& node) const {
    return {.producer = "k", .stream = "s", .node = node, .pixels = false, .crops = false};
  }
  void introduce() { a.exchange.set_peers({{"b", b.endpoint.addresses()}}); }
  std::shared_ptr<graph::Inlet> open_export(graph::QueueOptions queue) {
    auto inlet = a.exchange.open_export(channel("b"), here, queue);
    inlet->join(producer);
    return inlet;
  }
  void open_import(size_t places, size_t reader_places) {
    import = std::make_shared<graph::Import>(places);
    reader = std::make_shared<Reader>(reader_places);
    graph::connect(import, reader);
    handle = b.exchange.open_import(channel("a"), there, import);
  }

  TemporaryFolder folder;
  Side a{"a", folder.path("a.sock")};
  Side b{"b", folder.path("b.sock")};
  std::shared_ptr<const StreamInfo> here = stream_info("yard", 3), there = stream_info("yard", 8);
  std::shared_ptr<Producer> producer = std::make_shared<Producer>();
  std::shared_ptr<graph::Import> import;
  std::shared_ptr<Reader> reader;
  std::shared_ptr<void> handle;
};

constexpr graph::QueueOptions kBlocking{.capacity = 4, .when_full = graph::WhenFull::kBlock};

TEST_F(ExchangeTest, CarriesObservationsInOrderAndThenTheEnd) {
  introduce();
  open_import(4, 1000);
  const auto inlet = open_export(kBlocking);
  for (const uint64_t i : numbers(0, 100)) {
    ASSERT_TRUE(producer->reserve(*inlet));
    inlet->put(observation(here, i), true);
  }
  inlet->end(*producer, Ending::kStreamOver);
  EXPECT_EQ(reader->wait(100), numbers(0, 100));
  EXPECT_EQ(reader->stream().index, 8u) << "the stream as it is known over there";
  EXPECT_EQ(reader->wait_end(), Ending::kStreamOver);
  EXPECT_EQ(import->counts().received, 100u);
  EXPECT_TRUE(import->counts().gaps.empty());
}

TEST_F(ExchangeTest, HoldsTheProducerBackAndLosesNothing) {
  introduce();
  open_import(2, 0);
  const auto inlet = open_export(kBlocking);
  uint64_t sent = 0;
  while (inlet->reserve()) inlet->put(observation(here, sent++), true);
  EXPECT_LE(sent, 6u) << "four on their way, two over there";
  EXPECT_GE(sent, 4u);
  std::thread consumer([&] {
    for (int i = 0; i < 50; ++i) {
      reader->allow(1);
      reader->wait(static_cast<size_t>(i) + 1);
    }
  });
  for (; sent < 50; ++sent) {
    ASSERT_TRUE(producer->reserve(*inlet));
    inlet->put(observation(here, sent), true);
  }
  consumer.join();
  EXPECT_EQ(reader->wait(50), numbers(0, 50));
}

TEST_F(ExchangeTest, AWayThatPartsIsNoEndOfTheStream) {
  introduce();
  open_import(4, 2);
  auto inlet = open_export(kBlocking);
  for (const uint64_t i : numbers(0, 4)) {
    ASSERT_TRUE(producer->reserve(*inlet));
    inlet->put(observation(here, i), true);
  }
  inlet->end(*producer, Ending::kParted);
  inlet.reset();  // at once, with observations still on their way
  reader->allow(10);
  EXPECT_EQ(reader->wait(4), numbers(0, 4));
  EXPECT_TRUE(a.exchange.wait_left(kPatience));
  EXPECT_TRUE(a.endpoint.status().outgoing.empty());
  EXPECT_FALSE(reader->ended());
}

TEST_F(ExchangeTest, AnEndedExportMayBeLetGoAtOnce) {
  introduce();
  open_import(4, 0);
  auto inlet = open_export(kBlocking);
  for (const uint64_t i : numbers(0, 3)) {
    ASSERT_TRUE(producer->reserve(*inlet));
    inlet->put(observation(here, i), true);
  }
  inlet->end(*producer, Ending::kStreamOver);
  inlet.reset();
  EXPECT_FALSE(a.exchange.wait_left(Duration{0})) << "the reader has taken nothing";
  reader->allow(10);
  EXPECT_EQ(reader->wait(3), numbers(0, 3));
  EXPECT_EQ(reader->wait_end(), Ending::kStreamOver);
  EXPECT_TRUE(a.exchange.wait_left(kPatience));
}

TEST_F(ExchangeTest, EndsWhenTheLastOfItsProducersHasEnded) {
  introduce();
  open_import(4, 1000);
  const auto inlet = open_export(kBlocking);
  const auto successor = std::make_shared<Producer>();
  inlet->join(successor);
  inlet->end(*producer, Ending::kParted);
  ASSERT_TRUE(successor->reserve(*inlet));
  inlet->put(observation(here, 5), true);
  EXPECT_EQ(reader->wait(1), numbers(5, 6));
  EXPECT_FALSE(reader->ended());
  inlet->end(*successor, Ending::kStreamOver);
  EXPECT_EQ(reader->wait_end(), Ending::kStreamOver);
}

TEST_F(ExchangeTest, TellsOfWhatWasLetGo) {
  introduce();
  open_import(2, 0);
  const auto inlet = open_export({.capacity = 1, .when_full = graph::WhenFull::kLatest});
  for (const uint64_t i : numbers(0, 200)) {
    ASSERT_TRUE(inlet->reserve());
    inlet->put(observation(here, i), true);
  }
  inlet->end(*producer, Ending::kStreamOver);
  reader->allow(1000);
  ASSERT_EQ(reader->wait_end(), Ending::kStreamOver);
  const auto counts = import->counts();
  uint64_t gaps = 0;
  for (const auto& [reason, count] : counts.gaps) gaps += count;
  EXPECT_EQ(counts.received + gaps, 200u);
  EXPECT_GT(counts.gaps.at("superseded"), 0u);
  EXPECT_EQ(reader->wait(1).back(), 199u) << "the newest always arrives";
}

TEST_F(ExchangeTest, FindsAPeerThatItLearnsOfLater) {
  open_import(4, 1000);
  const auto inlet = open_export(kBlocking);
  ASSERT_TRUE(producer->reserve(*inlet));
  inlet->put(observation(here, 0), true);
  introduce();
  EXPECT_EQ(reader->wait(1), numbers(0, 1));
}

TEST_F(ExchangeTest, NothingComesOnceTheImportIsLetGo) {
  introduce();
  open_import(4, 1000);
  const auto inlet = open_export(kBlocking);
  ASSERT_TRUE(producer->reserve(*inlet));
  inlet->put(observation(here, 0), true);
  ASSERT_EQ(reader->wait(1), numbers(0, 1));
  handle.reset();
  for (const uint64_t i : numbers(1, 4)) {
    if (inlet->reserve()) inlet->put(observation(here, i), true);
  }
  EXPECT_EQ(import->counts().received, 1u);
  open_import(4, 1000);
  EXPECT_FALSE(reader->wait(1).empty()) << "whoever opens it next gets what waited";
}

/// What was handed on but not acknowledged yet came once more to the next import of the channel.
TEST_F(ExchangeTest, WhoOpensAChannelAgainGetsNothingOfItsFirstLife) {
  introduce();
  open_import(4, 1000);
  auto inlet = open_export(kBlocking);
  ASSERT_TRUE(producer->reserve(*inlet));
  inlet->put(observation(here, 473), true);
  ASSERT_EQ(reader->wait(1), numbers(473, 474));
  handle.reset();  // as when another channel took its place: the sender leaves, and has not been tidied away yet
  inlet->end(*producer, Ending::kParted);
  inlet.reset();
  open_import(4, 1000);
  inlet = open_export(kBlocking);
  ASSERT_TRUE(producer->reserve(*inlet));
  inlet->put(observation(here, 548), true);
  EXPECT_EQ(reader->wait(1), numbers(548, 549));
  EXPECT_TRUE(a.exchange.wait_left(kPatience));
}

TEST_F(ExchangeTest, WhatALeavingSenderCouldNotGiveIsDroppedWithItsReceiver) {
  introduce();
  open_import(1, 1);
  auto inlet = open_export(kBlocking);
  for (const uint64_t i : numbers(0, 3)) {
    ASSERT_TRUE(producer->reserve(*inlet));
    inlet->put(observation(here, i), true);
  }
  ASSERT_EQ(reader->wait(1), numbers(0, 1));
  inlet->end(*producer, Ending::kParted);
  inlet.reset();
  EXPECT_FALSE(a.exchange.wait_left(Duration{0}));
  handle.reset();
  EXPECT_TRUE(a.exchange.wait_left(kPatience / 2)) << "long before its time is over";
}

}  // namespace
}  // namespace vedette::node
