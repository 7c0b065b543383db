#include "vedette/node/metrics.h"

#include <string>

#include "vedette/net/metric_families.h"

namespace vedette::node {
namespace {

using Families = net::MetricFamilies;
using Labels = Families::Labels;
using Add = void (Families::*)(const std::string&, const std::string&, const Labels&, double);
constexpr Add kCounter = &Families::counter;
constexpr Add kGauge = &Families::gauge;

void node_families(Families& to, const plan::NodeReport& report, bool connected) {
  const auto gauge = [&](const std::string& name, const std::string& help, double value) {
    to.gauge(name, help, {}, value);
  };
  gauge("vedette_node_cores", "Cores that this process may use.", report.cores);
  gauge("vedette_node_cores_used", "Cores in use by this process.", report.cpu);
  gauge("vedette_node_machine_cores_used", "Cores in use by everything on the machine.", report.machine_cpu);
  gauge("vedette_node_memory_limit_bytes", "Memory that this process may use.", report.memory_bytes);
  gauge("vedette_node_core_speed", "Speed of one core against the reference.", report.speed);
  gauge("vedette_node_ready", "1 while the node does its work.", report.ready ? 1 : 0);
  gauge("vedette_node_draining", "1 while the node sees off what runs here.", report.draining ? 1 : 0);
  gauge("vedette_node_controller_connected", "1 while a controller answers.", connected ? 1 : 0);
  gauge("vedette_node_plan_version", "Newest plan taken in hand.", static_cast<double>(report.plan_version));
  gauge("vedette_node_plan_failed", "1 when that plan could not be run.", report.plan_state == "failed" ? 1 : 0);
}

void peer_families(Families& to, const link::EndpointStatus& links) {
  const auto each = [&](const std::string& name, Add add, const std::string& help, auto value) {
    for (const auto& peer : links.peers)
      (to.*add)(name, help, {{"peer", peer.name}, {"direction", peer.outgoing ? "out" : "in"}},
                static_cast<double>(value(peer)));
  };
  using Peer = link::PeerStatus;
  each("vedette_link_up", kGauge, "1 while the connection stands.", [](const Peer& p) { return p.state == "ready"; });
  each("vedette_link_round_trip_seconds", kGauge, "Least round trip of late.",
       [](const Peer& p) { return p.rtt_seconds; });
  each("vedette_link_speed_bytes_per_second", kGauge, "Estimate of what the link carries; 0: none yet.",
       [](const Peer& p) { return p.bytes_per_second; });
  each("vedette_link_sent_bytes_total", kCounter, "Bytes sent on the connection.",
       [](const Peer& p) { return p.bytes_sent; });
  each("vedette_link_received_bytes_total", kCounter, "Bytes received on the connection.",
       [](const Peer& p) { return p.bytes_received; });
  each("vedette_link_shared_memory_bytes_total", kCounter, "Bytes through shared memory.",
       [](const Peer& p) { return p.bytes_shared; });
  each("vedette_link_reconnects_total", kCounter, "Times the connection was made again.",
       [](const Peer& p) { return p.reconnects; });
  to.counter("vedette_link_refused_total", "Connections turned away: token, certificate, version, protocol.", {},
             static_cast<double>(links.refused));
}

template <typename Channel>
Labels labels_of(const Channel& channel) {
  return {{"peer", channel.peer}, {"producer", channel.id.producer}, {"stream", channel.id.stream}};
}

void channel_families(Families& to, const link::EndpointStatus& links) {
  const auto each = [&](const auto& channels, const std::string& name, Add add, const std::string& help, auto value) {
    for (const auto& channel : channels) (to.*add)(name, help, labels_of(channel), static_cast<double>(value(channel)));
  };
  const auto spans = [&](const auto& channels, const std::string& name, const std::string& help, auto value) {
    for (const auto& channel : channels) to.histogram(name, help, labels_of(channel), value(channel));
  };
  const auto gaps = [&](const auto& channels, const std::string& name, const std::string& help) {
    for (const auto& channel : channels)
      for (const auto& [reason, count] : channel.gaps) {
        auto labels = labels_of(channel);
        labels.emplace_back("reason", reason);
        to.counter(name, help, labels, static_cast<double>(count));
      }
  };
  const auto& out = links.outgoing;
  each(out, "vedette_link_sent_total", kCounter, "Observations sent.", [](const auto& c) { return c.sent; });
  each(out, "vedette_link_resent_total", kCounter, "… sent again after a new connection.",
       [](const auto& c) { return c.resent; });
  each(out, "vedette_link_channel_sent_bytes_total", kCounter, "Bytes of the channel.",
       [](const auto& c) { return c.bytes; });
  each(out, "vedette_link_queue_depth", kGauge, "Observations kept until the receiver has them.",
       [](const auto& c) { return c.queue_depth; });
  each(out, "vedette_link_queue_capacity", kGauge, "Most of them.", [](const auto& c) { return c.capacity; });
  gaps(out, "vedette_link_dropped_total", "Observations that were not sent, by reason.");
  spans(out, "vedette_link_serialise_seconds", "Header, picture, copy to shared memory.",
        [](const auto& c) { return c.serialise; });
  spans(out, "vedette_link_wait_seconds", "From the sender's queue to the first byte.",
        [](const auto& c) { return c.wait; });
  spans(out, "vedette_link_send_seconds", "First byte to last byte.", [](const auto& c) { return c.send; });
  const auto& in = links.incoming;
  each(in, "vedette_link_received_total", kCounter, "Observations received.", [](const auto& c) { return c.received; });
  each(in, "vedette_link_duplicates_total", kCounter, "Observations that came again and were left out.",
       [](const auto& c) { return c.duplicates; });
  each(in, "vedette_link_channel_received_bytes_total", kCounter, "Bytes of the channel.",
       [](const auto& c) { return c.bytes; });
  gaps(in, "vedette_link_gaps_total", "Observations that never came, by reason.");
  spans(in, "vedette_link_transfer_seconds", "The sender's first byte to the receiver's last.",
        [](const auto& c) { return c.transfer; });
  spans(in, "vedette_link_receive_seconds", "Header and picture, up to the module.",
        [](const auto& c) { return c.receive; });
}

}  // namespace

std::string metrics_text(const plan::NodeReport& report, const link::EndpointStatus& links, bool connected) {
  Families families;
  node_families(families, report, connected);
  peer_families(families, links);
  channel_families(families, links);
  return families.text();
}

}  // namespace vedette::node
