#include "vedette/broker/metrics.h"

#include <gmock/gmock.h>

#include "vedette/base/error.h"
#include "vedette/broker/testing.h"
#include "vedette/net/client.h"

namespace vedette::broker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const net::Principal kAdmin{"root", net::Role::kAdmin, "", "", Timestamp::max()};

Timestamp at(int i) { return Timestamp{std::chrono::seconds(1'769'860'800 + i)}; }

void publish(Core& core, const std::string& camera, int frames) {
  v1::PublishOpen open;
  open.set_camera(camera);
  const auto publication = core.publish(kAdmin, open);
  for (int i = 0; i < frames; ++i) {
    const auto bytes = test_jpeg(i % 30);
    std::ranges::copy(bytes, publication->reserve(bytes.size()).begin());
    publication->commit(info_at(at(i)), bytes.size());
  }
}

TEST(BrokerMetrics, CountWhatWentThrough) {
  auto options = small_broker();
  options.metrics = "127.0.0.1:0";
  Broker broker(options);
  publish(broker.core(), "yard/1", 30);
  v1::SubscribeRequest request;
  request.set_camera("yard/1");
  request.set_begin_ns(at(10).time_since_epoch().count());
  const auto subscription = broker.core().subscribe(kAdmin, request, [] {});
  Subscription::Item item;
  size_t bytes = 0;
  while (subscription->next(item))
    if (item.frame) bytes += item.frame->bytes().size();

  net::Client client({.url = broker.metrics_url()});
  const auto answer = client.get("/metrics");
  EXPECT_THAT(answer.content_type, HasSubstr("version=0.0.4"));
  const std::string& text = answer.body;
  EXPECT_THAT(text, HasSubstr("vedette_broker_subscriptions 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_live{camera=\"yard/1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_subscribers{camera=\"yard/1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_kept_frames{camera=\"yard/1\"} 30\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_published_frames_total{camera=\"yard/1\"} 30\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_sent_frames_total{camera=\"yard/1\"} 20\n"));
  EXPECT_THAT(text,
              HasSubstr("vedette_broker_camera_sent_bytes_total{camera=\"yard/1\"} " + std::to_string(bytes) + '\n'));
  EXPECT_THAT(text, HasSubstr("vedette_process_cpu_seconds_total "));
  EXPECT_THROW(client.get("/nothing"), Error);
  broker.core().drop(subscription);
  EXPECT_THAT(client.get("/metrics").body, HasSubstr("vedette_broker_subscriptions 0\n"));
}

TEST(BrokerMetrics, CountWhatDoesNotComeByItsReason) {
  Broker broker(small_broker());
  v1::SubscribeRequest request;
  request.set_camera("yard");
  request.set_max_behind(2);
  publish(broker.core(), "yard", 1);
  const auto subscription = broker.core().subscribe(kAdmin, request, [] {});
  v1::PublishOpen open;
  open.set_camera("yard");
  {
    const auto publication = broker.core().publish(kAdmin, open);
    for (int i = 1; i <= 10; ++i) {
      const auto bytes = test_jpeg(i);
      std::ranges::copy(bytes, publication->reserve(bytes.size()).begin());
      publication->commit(info_at(at(i)), bytes.size());
      Subscription::Item item;
      if (i == 1)  // the one it begins with; then it does not look for a while
        while (subscription->next(item)) {
        }
    }
  }
  Subscription::Item item;
  while (subscription->next(item)) {
  }
  const auto text = metrics_text(broker.core(), broker.channels(), kAdmin);
  // Of frames 2 to 11 it had 2 and 11.
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_missed_frames_total{camera=\"yard\",reason=\"behind\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_missed_frames_total{camera=\"yard\",reason=\"lost\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_sent_frames_total{camera=\"yard\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("vedette_broker_camera_wait_seconds_count{camera=\"yard\"} 2\n"));
  broker.core().drop(subscription);
}

TEST(BrokerMetrics, ShowCamerasToWhoMaySeeThem) {
  CoreOptions options;
  options.name = "test";
  options.logs.log.capacity_bytes = size_t{8} << 20;
  options.logs.log.segment_bytes = size_t{2} << 20;
  options.logs.log.first_sequence = 1;
  options.access = Access({{.token = "guard", .cameras = {"yard/*"}, .history = true}});
  Core core(std::move(options), [](const SourceWanted&) { return nullptr; });
  publish(core, "yard/1", 1);
  publish(core, "vault/1", 1);
  const Channels channels;
  const net::Principal guard{"guard", net::Role::kViewer, "", "", Timestamp::max()};
  const auto text = metrics_text(core, channels, guard);
  EXPECT_THAT(text, HasSubstr("yard/1"));
  EXPECT_THAT(text, Not(HasSubstr("vault")));
  EXPECT_THAT(metrics_text(core, channels, kAdmin), HasSubstr("vault/1"));
}

TEST(BrokerMetrics, AreNotShownToTheWorld) {
  auto options = small_broker();
  options.metrics = "0.0.0.0:0";
  EXPECT_THROW(Broker{options}, Error);
  options.metrics = "nonsense";
  EXPECT_THROW(Broker{options}, Error);
}

}  // namespace
}  // namespace vedette::broker
