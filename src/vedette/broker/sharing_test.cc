// Real brokers whose cameras share a channel.
#include <gtest/gtest.h>

#include "broker.pb.h"
#include "vedette/broker/testing.h"
#include "vedette/framelog/bounds_test_channel.h"

namespace vedette::broker {
namespace {

using namespace std::chrono_literals;
using Kind = Received::Kind;

MonotonicTime now() { return Clock::system().monotonic(); }

/// A camera broker, a camera that publishes there, and who subscribes to it at a server.
class Sharing : public ::testing::Test {
 public:
  static BrokerOptions edge_options(const std::string& server) {
    auto options = small_broker("edge");
    options.role = BrokerOptions::Role::kCamera;
    options.servers = {server};
    options.channel = "yard/ap-1";
    return options;
  }
  static ClientOptions to(const Broker& broker) {
    ClientOptions options;
    options.addresses = {broker.address()};
    return options;
  }
  void publish_one() { publication->send(info_at(Clock::system().now()), test_jpeg(++published % 30, 320, 240)); }
  void subscribe() {
    Changes changes(server.core());
    publish_one();
    ASSERT_TRUE(changes.wait_for([](const v1::Replica& change) {
      return change.registered().cameras_size() > 0 && change.registered().channel() == "yard/ap-1";
    }));
    subscription = application.subscribe({.camera = "yard", .latency_ms = 2000, .accuracy = 0.95});
    expect_next(*subscription, Kind::kStarted);
  }
  /// Another camera on the channel: whatever it sends comes too late.
  void neighbour_sends() {
    if (!neighbour || now() < next_of_neighbour) return;
    next_of_neighbour = now() + 150ms;
    neighbour->arrived({2, 500'000, now(), 150ms, Duration{}});
  }
  /// Films until such a setting is told.
  template <typename Wanted>
  std::optional<Received> film_until(Wanted wanted) {
    for (const MonotonicTime deadline = soon(); now() < deadline;) {
      publish_one();
      neighbour_sends();
      for (const MonotonicTime next = now() + 10ms; now() < next;) {
        auto item = subscription->next(next);
        if (item && item->kind == Kind::kFrame) ++frames;
        if (item && item->kind == Kind::kSetting && wanted(*item)) return item;
      }
    }
    return std::nullopt;
  }

  Broker server{small_broker("server")};
  Broker edge{edge_options(server.address())};
  Client camera{to(edge)}, application{to(server)};
  std::unique_ptr<ClientPublication> publication = camera.publish("yard");
  std::unique_ptr<ClientSubscription> subscription;
  std::unique_ptr<Channels::Member> neighbour;
  MonotonicTime next_of_neighbour{};
  int published = 0, frames = 0;
};

TEST_F(Sharing, ALimitOfTheServerReachesTheCamerasPolicyAndGoesWithItsCause) {
  subscribe();
  neighbour = server.channels().join(
      "yard/ap-1", framelog::table_of({framelog::row(1, 450e3, 0.9), framelog::row(2, 500e3, 1)}), {20ms, 0.8, 0.95});
  const auto smaller = film_until([](const Received& setting) { return setting.limit_bytes > 0; });
  ASSERT_TRUE(smaller) << frames << " frames came";
  EXPECT_LE(smaller->expected_bytes, smaller->limit_bytes);
  EXPECT_LT(smaller->limit_bytes, 20e3) << "all that it can give up";
  EXPECT_GE(smaller->expected_accuracy, 0.95);
  neighbour.reset();
  const auto larger = film_until([&](const Received& setting) { return setting.limit_bytes == 0; });
  ASSERT_TRUE(larger) << frames << " frames came";
  EXPECT_GT(larger->expected_bytes, smaller->expected_bytes);
  subscription->cancel();
}

}  // namespace
}  // namespace vedette::broker
