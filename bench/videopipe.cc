// The baseline of bench/fleet.py: VideoPipe (Middleware Industry 2019), as paper 001 §5 emulates it. Each module runs
// in a process of its own, a hop lies between every two of them, and one frame is under way at a time: what arrives
// meanwhile is dropped. Modules, models and links are the same as in a node, so that only the architecture differs.
//
//   tool_videopipe --name detect --type detect --settings '{"model": "…"}' --listen tcp://10.9.0.1:7002
//     --before decode --next track=tcp://10.9.0.2:7003 --source decode=tcp://10.9.0.1:7001
//
// The first process has --url in place of --before. Ends at SIGTERM; prints one line of JSON.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/graph/application.h"
#include "vedette/link/endpoint.h"
#include "vedette/media/source.h"

namespace vedette {
namespace {

struct Arguments {
  std::string name;
  std::string type;
  std::string settings = "{}";
  std::string listen;
  std::string url;
  std::string before;
  std::vector<std::string> next;
  std::string source;
};

std::pair<std::string, std::string> name_and_address(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw Error(ErrorCode::kUsage, "'" + text + "': expected NAME=ADDRESS");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// What comes in, for the one thread that works.
class Mailbox final : public link::ReceiverHandler {
 public:
  void on_observation(Observation observation) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(observation));
    changed_.notify_one();
  }
  void on_gap(uint64_t observations, std::string_view) override {
    const std::lock_guard lock(mutex_);
    gaps_ += observations;
  }
  void on_end() override {}

  std::optional<Observation> take(Duration limit) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, limit, [&] { return !waiting_.empty(); })) return std::nullopt;
    Observation observation = std::move(waiting_.front());
    waiting_.pop_front();
    return observation;
  }
  uint64_t gaps() const {
    const std::lock_guard lock(mutex_);
    return gaps_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Observation> waiting_;
  uint64_t gaps_ = 0;
};

class Collected final : public graph::Emit {
 public:
  void operator()(Observation observation) override { observations.push_back(std::move(observation)); }
  void drop(std::string_view) override {}
  std::vector<Observation> observations;
};

volatile sig_atomic_t stopping = 0;

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size())))];
}

class Process {
 public:
  explicit Process(Arguments arguments)
      : arguments_(std::move(arguments)),
        stream_(std::make_shared<const StreamInfo>(StreamInfo{"street", 0, "street"})),
        endpoint_(options()),
        module_(graph::parse_module(arguments_.type, arguments_.settings).factory()) {
    graph::ModuleContext context;
    context.application = "videopipe";
    context.module = arguments_.name;
    context.stream = stream_;
    pool_ = std::make_shared<BufferPool>();
    context.pool = pool_.get();
    module_->start(context);
    for (const auto& next : arguments_.next) senders_.push_back(sender_to(next, "frame", true));
    if (!arguments_.before.empty()) {
      receiver_ = endpoint_.open_receiver({arguments_.before, "frame"}, arguments_.before, stream_, mailbox_);
      if (senders_.empty()) ack_ = sender_to(arguments_.source, "ack", false);
    }
  }

  void run() { arguments_.url.empty() ? work() : feed(); }

  std::string report() const {
    return nlohmann::json{{"name", arguments_.name},
                          {"frames", latencies_.size()},
                          {"dropped", dropped_},
                          {"p50_ms", quantile(latencies_, 0.5) * 1e3},
                          {"p95_ms", quantile(latencies_, 0.95) * 1e3},
                          {"seconds", to_seconds(span_)},
                          {"gaps", mailbox_.gaps()},
                          {"series", series_},
                          {"hop_ms", hop()}}
        .dump();
  }

 private:
  /// What the hop into this process and the one out of it take on average, in milliseconds.
  nlohmann::json hop() const {
    HistogramSnapshot serialise, wait, transfer, receive;
    const link::EndpointStatus status = endpoint_.status();
    for (const auto& out : status.outgoing) {
      if (out.id.stream != "frame") continue;
      serialise.add(out.serialise);
      wait.add(out.wait);
    }
    for (const auto& in : status.incoming) {
      if (in.id.stream != "frame") continue;
      transfer.add(in.transfer);
      receive.add(in.receive);
    }
    const auto mean = [](const HistogramSnapshot& spans) {
      return spans.count == 0 ? 0 : spans.sum_seconds / static_cast<double>(spans.count) * 1e3;
    };
    return {
        {"serialise", mean(serialise)}, {"wait", mean(wait)}, {"transfer", mean(transfer)}, {"receive", mean(receive)}};
  }

  link::EndpointOptions options() const {
    link::EndpointOptions options;
    options.node = arguments_.name;
    options.listen = {arguments_.listen};
    options.shared_memory_bytes = 0;  // VideoPipe has none
    options.token = "bench";
    if (const char* files = std::getenv("VEDETTE_BENCH_TLS")) {
      const std::string folder = files;
      options.tls = {folder + "/videopipe.pem", folder + "/videopipe-key.pem", folder + "/authority.pem"};
    }
    return options;
  }

  std::shared_ptr<link::Sender> sender_to(const std::string& peer, const std::string& stream, bool pixels) {
    const auto [name, address] = name_and_address(peer);
    return endpoint_.open_sender({arguments_.name, stream}, name, {address}, {.pixels = pixels}, [] {});
  }

  /// One observation through the module and on. True when something came out.
  bool pass(const Observation& observation) {
    Collected out;
    module_->process(observation, out);
    for (auto& made : out.observations)
      for (const auto& sender : senders_) sender->send(made, false);
    return !out.observations.empty();
  }

  void work() {
    while (!stopping) {
      const auto observation = mailbox_.take(std::chrono::milliseconds(100));
      if (!observation) continue;
      receiver_->grant(1);
      pass(*observation);
      const MonotonicTime now = Clock::system().monotonic();
      note(now, observation->frame().arrival);
      if (ack_) ack_->send(*observation, false);
    }
  }

  /// The source's own process: one frame under way, the others let go.
  void feed() {
    std::vector<std::shared_ptr<link::Receiver>> acks;
    for (const auto& leaf : split(arguments_.source))
      acks.push_back(endpoint_.open_receiver({leaf, "ack"}, leaf, stream_, mailbox_, {.credit = 1000000}));
    const auto source = media::open_source(graph::parse_source(arguments_.url), stream_, pool_);
    std::stop_source stop;
    size_t under_way = 0;
    while (!stopping) {
      auto frame = source->next(stop.get_token());
      if (!frame) break;
      while (under_way > 0 && mailbox_.take(Duration(0))) --under_way;
      if (under_way > 0) {
        ++dropped_;
        continue;
      }
      const MonotonicTime arrival = frame->arrival;
      if (pass(Observation(std::make_shared<const Frame>(std::move(*frame))))) under_way = acks.size();
      note(Clock::system().monotonic(), arrival);
    }
  }

  static std::vector<std::string> split(const std::string& names) {
    std::vector<std::string> list(1);
    for (const char c : names) c == ',' ? void(list.emplace_back()) : void(list.back() += c);
    return list;
  }

  void note(MonotonicTime now, MonotonicTime arrival) {
    if (latencies_.empty()) began_ = now;
    span_ = now - began_;
    latencies_.push_back(to_seconds(now - arrival));
    series_.emplace_back(to_seconds(span_), latencies_.back() * 1e3);
  }

  const Arguments arguments_;
  const std::shared_ptr<const StreamInfo> stream_;
  std::shared_ptr<BufferPool> pool_;
  Mailbox mailbox_;
  link::Endpoint endpoint_;
  std::unique_ptr<graph::Module> module_;
  std::vector<std::shared_ptr<link::Sender>> senders_;
  std::shared_ptr<link::Sender> ack_;
  std::shared_ptr<link::Receiver> receiver_;
  std::vector<double> latencies_;
  std::vector<std::pair<double, double>> series_;  ///< seconds since the first frame, latency in milliseconds
  MonotonicTime began_{};
  Duration span_{0};
  uint64_t dropped_ = 0;
};

int run(int argc, char** argv) {
  CLI::App app("The VideoPipe baseline: one module, one process");
  Arguments arguments;
  app.add_option("--name", arguments.name)->required();
  app.add_option("--type", arguments.type)->required();
  app.add_option("--settings", arguments.settings);
  app.add_option("--listen", arguments.listen)->required();
  app.add_option("--url", arguments.url, "of the first process: a source's settings, JSON");
  app.add_option("--before", arguments.before);
  app.add_option("--next", arguments.next);
  app.add_option("--source", arguments.source, "NAME=ADDRESS of the first process; of that one: the names of the last");
  CLI11_PARSE(app, argc, argv);
  signal(SIGTERM, [](int) { stopping = 1; });
  signal(SIGINT, [](int) { stopping = 1; });
  Process process(arguments);
  process.run();
  fmt::print("{}\n", process.report());
  return 0;
}

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  try {
    return vedette::run(argc, argv);
  } catch (const vedette::Error& e) {
    fmt::print(stderr, "tool_videopipe: {}\n", e.line());
    return vedette::exit_status(e.code());
  }
}
