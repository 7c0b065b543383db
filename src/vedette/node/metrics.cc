#include "vedette/node/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette::node {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// Writes families one after the other; a family's samples must come together (Prometheus, exposition formats).
class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(const Labels& labels, double value, std::string_view suffix = {}) {
    text_ += name_;
    text_ += suffix;
    write(labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }
  void sample(const Labels& labels, uint64_t value, std::string_view suffix = {}) {
    sample(labels, static_cast<double>(value), suffix);
  }
  void histogram(const Labels& labels, const HistogramSnapshot& spans) {
    spans.visit_octaves([&](double bound, uint64_t below) {
      Labels with_bound = labels;
      with_bound.emplace_back("le", std::isinf(bound) ? "+Inf" : fmt::format("{}", bound));
      sample(with_bound, below, "_bucket");
    });
    sample(labels, spans.sum_seconds, "_sum");
    sample(labels, spans.count, "_count");
  }
  std::string take() { return std::move(text_); }

 private:
  void write(const Labels& labels) {
    char before = '{';
    for (const auto& [key, value] : labels) {
      text_ += before;
      text_ += key;
      text_ += "=\"";
      for (const char c : value) {
        if (c == '\\' || c == '"') text_ += '\\';
        if (c == '\n') {
          text_ += "\\n";
        } else {
          text_ += c;
        }
      }
      text_ += '"';
      before = ',';
    }
    if (!labels.empty()) text_ += '}';
  }
  std::string text_;
  std::string_view name_;
};

void node_families(Page& page, const plan::NodeReport& report, bool connected) {
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    page.family(name, "gauge", help);
    page.sample({}, value);
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

void peer_families(Page& page, const link::EndpointStatus& links) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    page.family(name, type, help);
    for (const auto& peer : links.peers)
      page.sample({{"peer", peer.name}, {"direction", peer.outgoing ? "out" : "in"}}, static_cast<double>(value(peer)));
  };
  using Peer = link::PeerStatus;
  each("vedette_link_up", "gauge", "1 while the connection stands.", [](const Peer& p) { return p.state == "ready"; });
  each("vedette_link_round_trip_seconds", "gauge", "Least round trip of late.",
       [](const Peer& p) { return p.rtt_seconds; });
  each("vedette_link_speed_bytes_per_second", "gauge", "Estimate of what the link carries; 0: none yet.",
       [](const Peer& p) { return p.bytes_per_second; });
  each("vedette_link_sent_bytes_total", "counter", "Bytes sent on the connection.",
       [](const Peer& p) { return p.bytes_sent; });
  each("vedette_link_received_bytes_total", "counter", "Bytes received on the connection.",
       [](const Peer& p) { return p.bytes_received; });
  each("vedette_link_shared_memory_bytes_total", "counter", "Bytes through shared memory.",
       [](const Peer& p) { return p.bytes_shared; });
  each("vedette_link_reconnects_total", "counter", "Times the connection was made again.",
       [](const Peer& p) { return p.reconnects; });
  page.family("vedette_link_refused_total", "counter",
              "Connections turned away: token, certificate, version, protocol.");
  page.sample({}, links.refused);
}

template <typename Channel>
Labels labels_of(const Channel& channel) {
  return {{"peer", channel.peer}, {"producer", channel.id.producer}, {"stream", channel.id.stream}};
}

void channel_families(Page& page, const link::EndpointStatus& links) {
  const auto each = [&](const auto& channels, std::string_view name, std::string_view type, std::string_view help,
                        auto value) {
    page.family(name, type, help);
    for (const auto& channel : channels) page.sample(labels_of(channel), static_cast<double>(value(channel)));
  };
  const auto spans = [&](const auto& channels, std::string_view name, std::string_view help, auto value) {
    page.family(name, "histogram", help);
    for (const auto& channel : channels) page.histogram(labels_of(channel), value(channel));
  };
  const auto gaps = [&](const auto& channels, std::string_view name, std::string_view help) {
    page.family(name, "counter", help);
    for (const auto& channel : channels)
      for (const auto& [reason, count] : channel.gaps) {
        auto labels = labels_of(channel);
        labels.emplace_back("reason", reason);
        page.sample(labels, count);
      }
  };
  const auto& out = links.outgoing;
  each(out, "vedette_link_sent_total", "counter", "Observations sent.", [](const auto& c) { return c.sent; });
  each(out, "vedette_link_resent_total", "counter", "… sent again after a new connection.",
       [](const auto& c) { return c.resent; });
  each(out, "vedette_link_channel_sent_bytes_total", "counter", "Bytes of the channel.",
       [](const auto& c) { return c.bytes; });
  each(out, "vedette_link_queue_depth", "gauge", "Observations kept until the receiver has them.",
       [](const auto& c) { return c.queue_depth; });
  each(out, "vedette_link_queue_capacity", "gauge", "Most of them.", [](const auto& c) { return c.capacity; });
  gaps(out, "vedette_link_dropped_total", "Observations that were not sent, by reason.");
  spans(out, "vedette_link_serialise_seconds", "Header, picture, copy to shared memory.",
        [](const auto& c) { return c.serialise; });
  spans(out, "vedette_link_wait_seconds", "From the sender's queue to the first byte.",
        [](const auto& c) { return c.wait; });
  spans(out, "vedette_link_send_seconds", "First byte to last byte.", [](const auto& c) { return c.send; });
  const auto& in = links.incoming;
  each(in, "vedette_link_received_total", "counter", "Observations received.",
       [](const auto& c) { return c.received; });
  each(in, "vedette_link_duplicates_total", "counter", "Observations that came again and were left out.",
       [](const auto& c) { return c.duplicates; });
  each(in, "vedette_link_channel_received_bytes_total", "counter", "Bytes of the channel.",
       [](const auto& c) { return c.bytes; });
  gaps(in, "vedette_link_gaps_total", "Observations that never came, by reason.");
  spans(in, "vedette_link_transfer_seconds", "The sender's first byte to the receiver's last.",
        [](const auto& c) { return c.transfer; });
  spans(in, "vedette_link_receive_seconds", "Header and picture, up to the module.",
        [](const auto& c) { return c.receive; });
}

}  // namespace

std::string metrics_text(const plan::NodeReport& report, const link::EndpointStatus& links, bool connected) {
  Page page;
  node_families(page, report, connected);
  peer_families(page, links);
  channel_families(page, links);
  return page.take();
}

}  // namespace vedette::node
