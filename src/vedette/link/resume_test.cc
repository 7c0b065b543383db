// Connections that are cut anywhere: a relay between two nodes ends each of them after so many bytes.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/link/address.h"
#include "vedette/link/socket.h"
#include "vedette/link/testing.h"

namespace vedette::link {
namespace {

using testing::Collector, testing::Feed, testing::Folder, testing::kChannel, testing::node, testing::test_observation,
    testing::test_picture, testing::test_stream;

/// Passes bytes on between whoever connects to `listen` and `target`. Cuts the first `cuts` connections.
class Relay {
 public:
  Relay(const std::string& listen, const std::string& target, uint32_t seed, int cuts)
      : target_(parse_address(target)), random_(seed), cuts_(cuts) {
    Address address = parse_address(listen);
    listener_ = listen_on(address);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Relay() {
    thread_.request_stop();
    thread_.join();
  }
  int connections() const { return connections_; }

 private:
  static bool wait(int a, int b, std::array<bool, 2>& readable) {
    std::array<pollfd, 2> fds{pollfd{a, POLLIN, 0}, pollfd{b, POLLIN, 0}};
    ::poll(fds.data(), b < 0 ? 1 : 2, 10);
    readable = {fds[0].revents != 0, b >= 0 && fds[1].revents != 0};
    return readable[0] || readable[1];
  }
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::array<bool, 2> readable{};
      if (!wait(listener_.get(), -1, readable)) continue;
      std::string from;
      const auto client = accept_on(listener_.get(), true, from);
      if (!client) continue;
      std::unique_ptr<Socket> server;
      try {
        server = start_connecting(target_, "");
      } catch (const Error&) {
        continue;
      }
      ++connections_;
      const size_t limit = cuts_-- > 0 ? 300 + random_() % 60000 : SIZE_MAX;
      forward(stop, client->fd(), server->fd(), limit);
    }
  }
  static void forward(const std::stop_token& stop, int a, int b, size_t left) {
    std::array<char, 5000> buffer{};
    while (left > 0 && !stop.stop_requested()) {
      std::array<bool, 2> readable{};
      if (!wait(a, b, readable)) continue;
      for (const auto& [in, out, ready] : {std::tuple{a, b, readable[0]}, std::tuple{b, a, readable[1]}}) {
        if (!ready) continue;
        const ssize_t got = ::recv(in, buffer.data(), std::min(buffer.size(), left), MSG_DONTWAIT);
        if (got <= 0) return;
        left -= static_cast<size_t>(got);
        for (ssize_t put = 0; put < got;) {
          const ssize_t n = ::send(out, buffer.data() + put, static_cast<size_t>(got - put), MSG_NOSIGNAL);
          if (n > 0) {
            put += n;
          } else if (errno == EAGAIN) {
            pollfd room{out, POLLOUT, 0};
            if (::poll(&room, 1, 1000) <= 0) return;
          } else {
            return;
          }
        }
      }
    }
  }

  const Address target_;
  std::mt19937 random_;
  int cuts_;
  Descriptor listener_;
  std::atomic<int> connections_{0};
  std::jthread thread_;
};

TEST(Resume, CutsAnywhereLoseAndDoubleNothing) {
  for (uint32_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    const Folder folder;
    constexpr int kCuts = 12;
    Collector collector;
    Feed feed;
    Endpoint b(node("b", {folder.socket("b")}));
    const Relay relay(folder.socket("relay"), folder.socket("b"), seed, kCuts);
    Endpoint a(node("a"));
    const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector, {.credit = 3});
    collector.grant_to(receiver);
    const auto sender = a.open_sender(kChannel, "b", {folder.socket("relay")},
                                      {.patience = Duration{0}, .form = PictureForm::kRaw}, feed.on_room());
    constexpr uint64_t kCount = 150;
    for (uint64_t i = 0; i < kCount; ++i)
      ASSERT_TRUE(feed.put(*sender, test_observation(i, test_picture(96, 64, static_cast<uint32_t>(i)))));
    sender->end();
    ASSERT_TRUE(collector.wait_end());
    ASSERT_EQ(collector.sequences().size(), kCount);
    for (uint64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(collector.sequences()[i], i);
      ASSERT_TRUE(testing::same_pixels(*collector.observations()[i].frame().picture,
                                       *test_picture(96, 64, static_cast<uint32_t>(i))));
    }
    EXPECT_TRUE(collector.gaps().empty());
    EXPECT_TRUE(feed.wait_drained(*sender));
    EXPECT_EQ(a.status().outgoing.at(0).acknowledged, kCount);
    EXPECT_GT(relay.connections(), kCuts);
  }
}

TEST(Resume, WhatCouldNotBeKeptIsACountedGap) {
  for (const WhenFull when_full : {WhenFull::kLatest, WhenFull::kDropOldest}) {
    const Folder folder;
    Collector collector;
    Endpoint b(node("b", {folder.socket("b")}));
    const Relay relay(folder.socket("relay"), folder.socket("b"), 3, 20);
    Endpoint a(node("a"));
    const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector, {.credit = 2});
    collector.grant_to(receiver);
    const auto sender =
        a.open_sender(kChannel, "b", {folder.socket("relay")}, {.capacity = 2, .when_full = when_full}, [] {});
    constexpr uint64_t kCount = 2000;
    for (uint64_t i = 0; i < kCount; ++i) sender->send(test_observation(i, test_picture(96, 64, 1)), false);
    sender->end();
    ASSERT_TRUE(collector.wait_end());
    EXPECT_EQ(collector.sequences().size() + collector.gap_sum(), kCount);
    EXPECT_TRUE(std::is_sorted(collector.sequences().begin(), collector.sequences().end()));
    EXPECT_EQ(std::adjacent_find(collector.sequences().begin(), collector.sequences().end()),
              collector.sequences().end());
    for (const auto& [reason, count] : collector.gaps()) EXPECT_NE(reason, "lost");
  }
}

TEST(Resume, ARestartedReceiverBeginsAnewWithoutAFalseGap) {
  const Folder folder;
  Collector before, after;
  Feed feed;
  Endpoint a(node("a"));
  std::shared_ptr<Sender> sender;
  {
    Endpoint b(node("b", {folder.socket("b")}));
    const auto receiver = b.open_receiver(kChannel, "a", test_stream(), before);
    before.grant_to(receiver);
    sender = a.open_sender(kChannel, "b", b.addresses(), {.patience = Duration{0}}, feed.on_room());
    for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(feed.put(*sender, test_observation(i)));
    ASSERT_TRUE(before.wait_count(10));
  }
  Endpoint b(node("b", {folder.socket("b")}));
  const auto receiver = b.open_receiver(kChannel, "a", test_stream(), after);
  after.grant_to(receiver);
  for (uint64_t i = 10; i < 20; ++i) ASSERT_TRUE(feed.put(*sender, test_observation(i)));
  sender->end();
  ASSERT_TRUE(after.wait_end());
  EXPECT_TRUE(after.gaps().empty());
  ASSERT_FALSE(after.sequences().empty());
  EXPECT_EQ(after.sequences().back(), 19u);
  EXPECT_LE(after.sequences().front(), 10u);
}

TEST(Resume, ARestartedSenderIsTold) {
  const Folder folder;
  Collector collector;
  Endpoint b(node("b", {folder.socket("b")}));
  const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector);
  collector.grant_to(receiver);
  auto a = std::make_unique<Endpoint>(node("a"));
  auto sender = a->open_sender(kChannel, "b", b.addresses(), {}, [] {});
  sender->send(test_observation(0), false);
  ASSERT_TRUE(collector.wait_count(1));
  a.reset();  // as if killed: nothing is closed in order
  sender.reset();
  a = std::make_unique<Endpoint>(node("a"));
  sender = a->open_sender(kChannel, "b", b.addresses(), {}, [] {});
  sender->send(test_observation(1), false);
  ASSERT_TRUE(collector.wait_count(2));
  ASSERT_EQ(collector.gaps().size(), 1u);
  EXPECT_EQ(collector.gaps()[0].first, "sender_restarted");
}

}  // namespace
}  // namespace vedette::link
