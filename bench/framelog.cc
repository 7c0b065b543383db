// The frame log's broker beside NATS, publish to subscribe on loopback: publisher, server and subscribers are processes
// of their own. 100, 500, 900 KB and 2 MB; 1 and 8 subscribers; 200 a second (latency) and flat out (bytes delivered).
// Promises, in the same run:
//
//   median    our own clients at most 0.25 × NATS at every size, gRPC calls at most 0.7 ×
//   p99       our own clients at most 0.5 × NATS
//   flat out  our own clients at least 3 × NATS
//
// Our own clients share memory on one host. What they do over a stream, as between hosts, and all with TLS on both
// sides, is reported only. "arrived" is the share of the paced frames that came. Needs nats-server (package
// nats-server) in PATH or /usr/sbin.
//
//   framelog [--json FILE] [--quick] [--messages N] [--only WAY]      exit status 1 when a promise is broken
#include <fmt/format.h>
#include <nats/nats.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/allocation.h"
#include "vedette/base/error.h"
#include "vedette/broker/broker.h"
#include "vedette/broker/client.h"
#include "vedette/net/token.h"

namespace vedette::bench {
namespace {

constexpr std::array<size_t, 4> kSizes{100'000, 500'000, 900'000, 2'000'000};
constexpr std::array<int, 2> kSubscribers{1, 8};
constexpr int kMostSubscribers = 8;
constexpr uint64_t kMost = 4096;
constexpr uint64_t kWarmUp = 20;
constexpr int64_t kPaceNs = 5'000'000;
constexpr int64_t kFlatOutNs = 2'000'000'000;

int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

struct Shared {
  std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  struct Subscriber {
    std::atomic<uint64_t> received{0};
    std::atomic<int64_t> first_ns{0}, last_ns{0};
    std::array<int64_t, kMost> latency_ns{};
    void arrived(const uint8_t* data, size_t bytes) {
      int64_t sent = 0;
      std::memcpy(&sent, data, sizeof sent);
      unsigned sum = 0;
      for (size_t i = 0; i < bytes; i += 4096) sum += static_cast<const volatile uint8_t*>(data)[i];
      static_cast<void>(sum);
      const int64_t now = now_ns();
      const uint64_t n = received.load();
      if (n == 0) first_ns = now;
      last_ns = now;
      if (n < kMost) latency_ns[n] = now - sent;
      received = n + 1;
    }
  };
  std::array<Subscriber, kMostSubscribers> subscribers;
};

struct Server {
  pid_t pid = 0;
  std::string address;
};

struct Files {
  std::string folder;
  net::TlsFiles tls(const char* name) const {
    return {folder + "/" + name + ".pem", folder + "/" + name + "-key.pem", folder + "/authority.pem"};
  }
};

class Way {
 public:
  virtual ~Way() = default;
  virtual std::string name() const = 0;
  virtual void publish(Shared& shared, size_t bytes, uint64_t messages, int64_t pause_ns) = 0;
  virtual void subscribe(Shared& shared, Shared::Subscriber& mine) = 0;
};

/// The publisher's loop: `send` gets the bytes, whose first eight say when.
void run_publisher(const Shared& shared, size_t bytes, uint64_t messages, int64_t pause_ns,
                   const std::function<void(std::vector<uint8_t>&)>& send) {
  std::vector<uint8_t> frame(bytes, 77);
  const int64_t start = now_ns();
  for (uint64_t i = 0; pause_ns == 0 ? now_ns() - start < kFlatOutNs : i < messages; ++i) {
    if (pause_ns > 0) {
      const int64_t at = start + static_cast<int64_t>(i + 1) * pause_ns;
      const timespec t{at / 1'000'000'000, at % 1'000'000'000};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
    }
    const int64_t sent = now_ns();
    std::memcpy(frame.data(), &sent, sizeof sent);
    send(frame);
    if (shared.stop) return;
  }
}

class OurWay final : public Way {
 public:
  OurWay(std::string name, std::string address, bool shared_memory, bool stream, net::TlsFiles tls, std::string token)
      : name_(std::move(name)) {
    options_.addresses = {std::move(address)};
    options_.shared_memory = shared_memory;
    options_.stream = stream;
    options_.tls = std::move(tls);
    options_.token = std::move(token);
  }
  std::string name() const override { return name_; }
  void publish(Shared& shared, size_t bytes, uint64_t messages, int64_t pause_ns) override {
    broker::Client client(options_);
    const auto publication = client.publish("bench");
    framelog::RecordInfo info;
    info.codec = framelog::FrameCodec::kGray;
    info.width = 1000;
    info.height = static_cast<uint16_t>(bytes / 1000);
    Timestamp last{};
    run_publisher(shared, bytes, messages, pause_ns, [&](std::vector<uint8_t>& frame) {
      info.time = std::max(Clock::system().now(), last + std::chrono::microseconds(1));
      last = info.time;
      publication->send(info, std::as_bytes(std::span(frame)));
    });
    publication->finish();
  }
  void subscribe(Shared& shared, Shared::Subscriber& mine) override {
    broker::Client client(options_);
    broker::SubscribeOptions wanted;
    wanted.camera = "bench";
    wanted.max_behind = 1;  // who cannot follow gets the newest; NATS holds its publisher up instead
    const auto subscription = client.subscribe(wanted);
    bool told = false;
    while (!shared.stop) {
      const auto item = subscription->next(Clock::system().monotonic() + std::chrono::milliseconds(100));
      if (!item) continue;
      if (!std::exchange(told, true)) ++shared.ready;
      if (item->kind == broker::Received::Kind::kFrame)
        mine.arrived(reinterpret_cast<const uint8_t*>(item->bytes.data()), item->bytes.size());
    }
  }

 private:
  std::string name_;
  broker::ClientOptions options_;
};

void check(natsStatus status, const char* what) {
  if (status != NATS_OK) throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", what, natsStatus_GetText(status)));
}

class Nats final : public Way {
 public:
  Nats(std::string name, std::string url, net::TlsFiles tls)
      : name_(std::move(name)), url_(std::move(url)), tls_(std::move(tls)) {}
  std::string name() const override { return name_; }
  void publish(Shared& shared, size_t bytes, uint64_t messages, int64_t pause_ns) override {
    natsConnection* connection = connect();
    run_publisher(shared, bytes, messages, pause_ns, [&](std::vector<uint8_t>& frame) {
      check(natsConnection_Publish(connection, "bench", frame.data(), static_cast<int>(frame.size())), "publish");
      if (pause_ns > 0) natsConnection_FlushTimeout(connection, 5000);
    });
    natsConnection_FlushTimeout(connection, 20'000);
    natsConnection_Destroy(connection);
  }
  void subscribe(Shared& shared, Shared::Subscriber& mine) override {
    natsConnection* connection = connect();
    natsSubscription* subscription = nullptr;
    check(natsConnection_SubscribeSync(&subscription, connection, "bench"), "subscribe");
    natsSubscription_SetPendingLimits(subscription, -1, -1);
    natsConnection_FlushTimeout(connection, 5000);
    ++shared.ready;
    while (!shared.stop) {
      natsMsg* message = nullptr;
      if (natsSubscription_NextMsg(&message, subscription, 100) != NATS_OK) continue;
      mine.arrived(reinterpret_cast<const uint8_t*>(natsMsg_GetData(message)),
                   static_cast<size_t>(natsMsg_GetDataLength(message)));
      natsMsg_Destroy(message);
    }
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
  }

 private:
  natsConnection* connect() const {
    natsOptions* options = nullptr;
    natsConnection* connection = nullptr;
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url_.c_str()), "url");
    if (!tls_.empty()) {
      check(natsOptions_SetSecure(options, true), "tls");
      check(natsOptions_LoadCATrustedCertificates(options, tls_.authority.c_str()), "authority");
      check(natsOptions_LoadCertificatesChain(options, tls_.certificate.c_str(), tls_.key.c_str()), "certificate");
    }
    check(natsConnection_Connect(&connection, options), "connect");
    natsOptions_Destroy(options);
    return connection;
  }
  std::string name_, url_;
  net::TlsFiles tls_;
};

pid_t in_child(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  int status = 0;
  try {
    work();
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    status = 1;
  }
  std::fflush(nullptr);
  ::_exit(status);
}

struct Figures {
  double p50_us = 0, p99_us = 0, gigabytes_per_second = 0;
  double kept = 0;  ///< of the paced frames, the share that arrived
};

bool run(Way& way, Shared& shared, size_t bytes, int subscribers, uint64_t messages, int64_t pause_ns, Figures& out) {
  shared.ready = 0;
  shared.stop = false;
  for (auto& subscriber : shared.subscribers) subscriber.received = 0;
  std::vector<pid_t> children;
  for (int i = 0; i < subscribers; ++i)
    children.push_back(in_child([&] { way.subscribe(shared, shared.subscribers[static_cast<size_t>(i)]); }));
  const int64_t deadline = now_ns() + 10'000'000'000;
  while (shared.ready < subscribers && now_ns() < deadline) ::usleep(2000);
  const pid_t publisher = in_child([&] { way.publish(shared, bytes, messages, pause_ns); });
  int status = 1;
  ::waitpid(publisher, &status, 0);
  ::usleep(300'000);
  shared.stop = true;
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  std::vector<double> us;
  double delivered = 0;
  for (int i = 0; i < subscribers; ++i) {
    const auto& one = shared.subscribers[static_cast<size_t>(i)];
    const uint64_t n = one.received;
    for (uint64_t k = kWarmUp; k < std::min(n, kMost); ++k) us.push_back(static_cast<double>(one.latency_ns[k]) / 1e3);
    const double seconds = static_cast<double>(one.last_ns - one.first_ns) * 1e-9;
    if (n > 1 && seconds > 0) delivered += static_cast<double>((n - 1) * bytes) / seconds / 1e9;
  }
  if (status != 0 || us.empty()) return false;
  std::sort(us.begin(), us.end());
  if (pause_ns > 0) {
    out.p50_us = us[us.size() / 2];
    out.p99_us = us[us.size() * 99 / 100];
    uint64_t arrived = 0;
    for (int i = 0; i < subscribers; ++i) arrived += shared.subscribers[static_cast<size_t>(i)].received;
    out.kept = static_cast<double>(arrived) / static_cast<double>(messages * static_cast<uint64_t>(subscribers));
  } else {
    out.gigabytes_per_second = delivered;
  }
  return true;
}

/// A broker in a process of its own that has opened the camera already.
pid_t start_broker(const std::string& folder, int port, const net::TlsFiles& tls, const std::string& key) {
  return in_child([&] {
    broker::BrokerOptions options;
    options.listen = fmt::format("127.0.0.1:{}", port);
    options.tls = tls;
    options.socket = tls.empty() ? folder + "/broker.sock" : "";
    options.tokens.key = key;
    options.memory_mb = 512;
    const broker::Broker running(options);
    {
      broker::ClientOptions own;
      own.addresses = {running.address()};
      own.tls = tls;
      if (!key.empty())
        own.token = net::sign_token({net::random_token_id(), "own", net::Role::kAdmin, "", Clock::system().now(),
                                     Clock::system().now() + std::chrono::hours(1)},
                                    net::read_key_file(key));
      broker::Client client(own);
      client.publish("bench")->finish();
    }
    for (;;) ::pause();
  });
}

pid_t start_nats(const std::string& folder, int port, const net::TlsFiles& tls) {
  const std::string config = fmt::format("{}/nats-{}.conf", folder, port);
  std::ofstream file(config);
  file << "listen: 127.0.0.1:" << port << "\nmax_payload: 8MB\nmax_pending: 256MB\nwrite_deadline: \"20s\"\n";
  if (!tls.empty())
    file << fmt::format("tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}\n",
                        tls.certificate, tls.key, tls.authority);
  file.close();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execlp("nats-server", "nats-server", "-c", config.c_str(), "-l", (folder + "/nats.log").c_str(), nullptr);
    ::execl("/usr/sbin/nats-server", "nats-server", "-c", config.c_str(), "-l", (folder + "/nats.log").c_str(),
            nullptr);
    ::_exit(1);
  }
  return pid;
}

int main(int count, char** arguments) {
  std::string json, only;
  uint64_t messages = 400;
  bool quick = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = arguments[i];
    if (word == "--quick") quick = true;
    if (i + 1 >= count) continue;
    if (word == "--json") json = arguments[i + 1];
    if (word == "--only") only = arguments[i + 1];
    if (word == "--messages") messages = std::clamp<uint64_t>(std::strtoull(arguments[i + 1], nullptr, 10), 50, kMost);
  }
  if (quick) messages = 120;
  keep_freed_memory();  // as `vedette broker` does; here for all, NATS's clients too
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  Shared& shared = *::new (memory) Shared;
  Files files{"/tmp/bench-framelog-XXXXXX"};
  if (!::mkdtemp(files.folder.data())) return 1;
  const std::string script = "tools/dev/certificates.sh " + files.folder + " server client >/dev/null 2>&1";
  const bool tls = std::system(script.c_str()) == 0;
  const std::string key = files.folder + "/tokens.key";
  net::make_key_file(key);
  const Timestamp now = Clock::system().now();
  const std::string token =
      net::sign_token({net::random_token_id(), "bench", net::Role::kAdmin, "", now, now + std::chrono::hours(1)},
                      net::read_key_file(key));

  constexpr int kPort = 17420;
  std::vector<pid_t> servers{start_broker(files.folder, kPort, {}, ""), start_nats(files.folder, kPort + 2, {})};
  if (tls) {
    servers.push_back(start_broker(files.folder, kPort + 1, files.tls("server"), key));
    servers.push_back(start_nats(files.folder, kPort + 3, files.tls("server")));
  }
  ::usleep(1'500'000);
  const auto at = [](int port) { return fmt::format("127.0.0.1:{}", port); };
  std::vector<std::unique_ptr<Way>> ways;
  ways.push_back(std::make_unique<Nats>("NATS", "nats://" + at(kPort + 2), net::TlsFiles{}));
  ways.push_back(std::make_unique<OurWay>("shared memory", at(kPort), true, true, net::TlsFiles{}, ""));
  ways.push_back(std::make_unique<OurWay>("stream", at(kPort), false, true, net::TlsFiles{}, ""));
  ways.push_back(std::make_unique<OurWay>("gRPC", at(kPort), false, false, net::TlsFiles{}, ""));
  if (tls) {
    ways.push_back(std::make_unique<Nats>("NATS + TLS", "tls://" + at(kPort + 3), files.tls("client")));
    ways.push_back(std::make_unique<OurWay>("stream + TLS", at(kPort + 1), false, true, files.tls("client"), token));
    ways.push_back(std::make_unique<OurWay>("gRPC + TLS", at(kPort + 1), false, false, files.tls("client"), token));
  }

  nlohmann::json out{{"benchmark", "framelog"}};
  std::map<std::string, std::map<std::pair<size_t, int>, Figures>> figures;
  fmt::print("{:<16}{:>6}{:>9}{:>12}{:>12}{:>9}{:>12}\n", "", "subs", "KB", "p50 µs", "p99 µs", "arrived",
             "GB/s in all");
  for (const int subscribers : kSubscribers)
    for (const size_t bytes : kSizes)
      for (const auto& way : ways) {
        if (!only.empty() && way->name().find(only) == std::string::npos && way->name() != "NATS") continue;
        Figures f;
        const bool good = run(*way, shared, bytes, subscribers, messages, kPaceNs, f) &&
                          run(*way, shared, bytes, subscribers, messages, 0, f);
        if (!good) fmt::print(stderr, "{}: a run failed\n", way->name());
        figures[way->name()][{bytes, subscribers}] = f;
        fmt::print("{:<16}{:>6}{:>9}{:>12.0f}{:>12.0f}{:>8.0f}%{:>12.2f}\n", way->name(), subscribers, bytes / 1000,
                   f.p50_us, f.p99_us, 100 * f.kept, f.gigabytes_per_second);
        std::fflush(stdout);
        out["rows"].push_back({{"way", way->name()},
                               {"subscribers", subscribers},
                               {"bytes", bytes},
                               {"good", good},
                               {"p50_us", f.p50_us},
                               {"p99_us", f.p99_us},
                               {"arrived", f.kept},
                               {"gigabytes_per_second", f.gigabytes_per_second}});
      }
  for (const pid_t server : servers) {
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
  }
  [[maybe_unused]] const int removed = std::system(("rm -rf " + files.folder).c_str());

  bool kept = true;
  const auto promise = [&](const std::string& way, const char* what, auto value, double limit, bool at_most) {
    for (const auto& [point, f] : figures[way]) {
      const double theirs = value(figures["NATS"][point]), ours = value(f);
      const double ratio = theirs > 0 ? ours / theirs : 0;
      const bool holds = ours > 0 && theirs > 0 && (at_most ? ratio <= limit : ratio >= limit);
      kept = kept && holds;
      fmt::print("{:<16}{:<10}{:>6} KB × {}: {:6.2f} × NATS   promise {} {}{}\n", way, what, point.first / 1000,
                 point.second, ratio, at_most ? "≤" : "≥", limit, holds ? "" : "   BROKEN");
      out["promises"].push_back({{"way", way},
                                 {"what", what},
                                 {"bytes", point.first},
                                 {"subscribers", point.second},
                                 {"ratio", ratio},
                                 {"kept", holds}});
    }
  };
  const char* own = "shared memory";
  promise(own, "median", [](const Figures& f) { return f.p50_us; }, 0.25, true);
  promise(own, "p99", [](const Figures& f) { return f.p99_us; }, 0.5, true);
  promise(own, "flat out", [](const Figures& f) { return f.gigabytes_per_second; }, 3, false);
  promise("gRPC", "median", [](const Figures& f) { return f.p50_us; }, 0.7, true);
  fmt::print("{}\n", kept ? "all promises kept" : "A PROMISE IS BROKEN");
  out["kept"] = kept;
  if (!json.empty()) std::ofstream(json) << out.dump(2) << "\n";
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace vedette::bench

int main(int count, char** arguments) { return vedette::bench::main(count, arguments); }
