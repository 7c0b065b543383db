#include "vedette/broker/metrics.h"

#include "broker.pb.h"
#include "vedette/broker/channels.h"
#include "vedette/broker/core.h"
#include "vedette/net/metric_families.h"

namespace vedette::broker {
namespace {

using Families = net::MetricFamilies;
using Labels = Families::Labels;

void add_state(Families& to, const v1::CameraInfo& info) {
  const Labels labels{{"camera", info.camera()}};
  const auto gauge = [&](const std::string& name, const std::string& help, double value) {
    to.gauge("vedette_broker_camera_" + name, help, labels, value);
  };
  gauge("live", "1 while somebody publishes it.", info.live() ? 1 : 0);
  gauge("subscribers", "Who subscribes to it here.", info.subscribers());
  gauge("kept_frames", "Frames kept in memory.", static_cast<double>(info.frames()));
  gauge("kept_bytes", "Their bytes.", static_cast<double>(info.bytes()));
  if (info.newest_ns() > 0)
    gauge("newest_timestamp_seconds", "When its newest frame was captured, by its clock.",
          static_cast<double>(info.newest_ns()) / 1e9);
  gauge("store_trouble", "1 while nothing of it can be stored, else 0; CameraInfo.store_trouble says why.",
        info.store_trouble().empty() ? 0 : 1);
  if (info.clock().known()) {
    gauge("clock_ahead_seconds", "Its broker's clock against this one's.",
          static_cast<double>(info.clock().offset_ns()) / 1e9);
    gauge("clock_round_trip_seconds", "Twice the most that is wrong with it.",
          static_cast<double>(info.clock().round_trip_ns()) / 1e9);
  }
}

void add_traffic(Families& to, const std::string& camera, const Traffic& traffic) {
  const Labels labels{{"camera", camera}};
  const auto counter = [&](const std::string& name, const std::string& help, const std::atomic<uint64_t>& value) {
    to.counter("vedette_broker_camera_" + name, help, labels, static_cast<double>(value.load()));
  };
  counter("published_frames_total", "Frames taken from who publishes it here.", traffic.published.frames);
  counter("published_bytes_total", "Their bytes.", traffic.published.bytes);
  counter("sent_frames_total", "Frames handed to subscribers, each by itself.", traffic.sent.frames);
  counter("sent_bytes_total", "Their bytes, also of those that stayed in shared memory.", traffic.sent.bytes);
  counter("direct_frames_total", "Frames that subscribers took out of the publisher's memory.", traffic.direct);
  constexpr std::array<const char*, 5> kReasons = {"unknown", "behind", "overwritten", "skipped", "lost"};
  for (size_t i = 0; i < kReasons.size(); ++i) {
    Labels with_reason = labels;
    with_reason.emplace_back("reason", kReasons[i]);
    to.counter("vedette_broker_camera_missed_frames_total", "Frames that subscribers were told will not come.",
               with_reason, static_cast<double>(traffic.missed[i].load()));
  }
  to.histogram("vedette_broker_camera_wait_seconds", "From a frame's arrival here to a live subscriber's connection.",
               labels, traffic.wait.snapshot());
}

}  // namespace

std::string metrics_text(const Core& core, const Channels& channels, const net::Principal& who) {
  Families families;
  families.gauge("vedette_broker_sessions", "Clients that called Connect.", {},
                 static_cast<double>(core.session_count()));
  families.gauge("vedette_broker_subscriptions", "Subscriptions of all cameras.", {},
                 static_cast<double>(core.subscription_count()));
  families.gauge("vedette_broker_channels", "Channels that are divided between cameras.", {},
                 static_cast<double>(channels.size()));
  for (const auto& info : core.cameras(who, {})) {
    add_state(families, info);
    if (const auto traffic = core.traffic(info.camera())) add_traffic(families, info.camera(), *traffic);
  }
  families.process();
  return families.text();
}

}  // namespace vedette::broker
