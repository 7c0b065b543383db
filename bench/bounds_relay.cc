#include "bounds_relay.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <system_error>

#include "vedette/base/error.h"

namespace bench_bounds {

using vedette::Clock;
using vedette::Duration;
using vedette::from_milliseconds;
using vedette::MonotonicTime;
using vedette::to_milliseconds;

namespace {

constexpr Duration kTick = std::chrono::microseconds(500);
constexpr double kBucketMs = 4;  // of the rate: what a radio sends in one go
constexpr double kLeastBucketBytes = 3e3;
constexpr double kFadeEveryMs = 5;
constexpr double kFadeKeep = 0.975;  // over 5 ms: a correlation of 0.2 s
constexpr Duration kJitterEvery = std::chrono::milliseconds(20);
constexpr int kReceiveBytes = 16 << 10;  // the relay is no queue of its own
constexpr size_t kMostHeld = 4 << 20;

[[noreturn]] void fail(const std::string& what) {
  throw vedette::Error(vedette::ErrorCode::kUnavailable,
                       fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

sockaddr_in name_of(const std::string& host, int port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &name.sin_addr) != 1)
    throw vedette::Error(vedette::ErrorCode::kUsage, "no IPv4 address: " + host);
  return name;
}

struct Socket {
  explicit Socket(int number) : fd(number) {}
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd;
};

}  // namespace

struct Relay::Listener {
  Listener(int fd, std::string host, int port_number, size_t lane_number)
      : socket(fd), to(std::move(host)), port(port_number), lane(lane_number) {}
  Socket socket;
  std::string to;
  int port;
  size_t lane;
};

/// One connection: camera's end, server's end, and what is on the way in both directions.
struct Relay::Pipe {
  struct Chunk {
    MonotonicTime due;
    std::vector<char> bytes;
    size_t written = 0;
  };
  struct Way {
    std::deque<Chunk> chunks;
    size_t held = 0;
    MonotonicTime last_due;
  };

  Pipe(int camera_fd, int server_fd, size_t lane_number) : camera(camera_fd), server(server_fd), lane(lane_number) {}

  bool waiting() const {
    int bytes = 0;
    return !over && ::ioctl(camera.fd, FIONREAD, &bytes) == 0 && bytes > 0;
  }
  /// Takes at most `most` bytes from `from`; returns what it took.
  size_t take(int from, Way& way, size_t most, MonotonicTime due) {
    if (over || way.held > kMostHeld || most == 0) return 0;
    Chunk chunk;
    chunk.bytes.resize(std::min<size_t>(most, 64 << 10));
    const ssize_t got = ::recv(from, chunk.bytes.data(), chunk.bytes.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ending = true;
    if (got <= 0) return 0;
    chunk.bytes.resize(static_cast<size_t>(got));
    chunk.due = way.last_due = std::max(way.last_due, due);
    way.held += chunk.bytes.size();
    way.chunks.push_back(std::move(chunk));
    return static_cast<size_t>(got);
  }
  void give(int to, Way& way, MonotonicTime now) {
    while (!way.chunks.empty() && way.chunks.front().due <= now) {
      Chunk& chunk = way.chunks.front();
      const ssize_t put = ::send(to, chunk.bytes.data() + chunk.written, chunk.bytes.size() - chunk.written,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN && errno != EINTR) over = true;
      if (put <= 0) return;
      chunk.written += static_cast<size_t>(put);
      way.held -= static_cast<size_t>(put);
      if (chunk.written < chunk.bytes.size()) return;
      way.chunks.pop_front();
    }
  }

  Socket camera, server;
  size_t lane;
  Way up, down;
  bool ending = false;  // one end closed; what is held still goes
  bool over = false;
};

/// The state of the air: fading, jitter and tokens.
class Relay::Channel {
 public:
  Channel(const Options& options, size_t lanes) : options_(options), random_(options.seed), jitter_ms_(lanes) {}

  void advance(double seconds, double ms, size_t active) {
    fade_left_ms_ -= ms;
    while (fade_left_ms_ <= 0) {
      fade_ = kFadeKeep * fade_ + std::sqrt(1 - kFadeKeep * kFadeKeep) * normal_(random_);
      fade_left_ms_ += kFadeEveryMs;
    }
    const double rate = options_.mbps(seconds) * 125 * std::exp(options_.fading * fade_);  // bytes a ms
    const double efficiency = 1 / (1 + options_.contention * std::max(0.0, static_cast<double>(active) - 1));
    tokens = std::min(tokens, std::max(kLeastBucketBytes, kBucketMs * rate)) + rate * efficiency * ms;
  }
  Duration delay(size_t lane, MonotonicTime now) {
    if (now - drawn_ >= kJitterEvery) {
      drawn_ = now;
      for (double& jitter : jitter_ms_) jitter = options_.jitter_ms * exponential_(random_);
    }
    return from_milliseconds(options_.delay_ms + jitter_ms_[lane]);
  }

  double tokens = 0;

 private:
  const Options& options_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_{0, 1};
  std::exponential_distribution<double> exponential_{1};
  std::vector<double> jitter_ms_;
  MonotonicTime drawn_;
  double fade_ = 0, fade_left_ms_ = 0;
};

Relay::Relay(Options options, const std::vector<Lane>& lanes) : options_(std::move(options)), lanes_(lanes.size()) {
  for (size_t lane = 0; lane < lanes.size(); ++lane) {
    for (const int port : lanes[lane].ports) {
      auto listener = std::make_unique<Listener>(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                                                 lanes[lane].to, port, lane);
      const int on = 1;
      ::setsockopt(listener->socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      const sockaddr_in name = name_of(lanes[lane].listen, port);
      if (::bind(listener->socket.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
          ::listen(listener->socket.fd, 16) != 0)
        fail(fmt::format("the relay on {}:{}", lanes[lane].listen, port));
      listeners_.push_back(std::move(listener));
    }
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Relay::~Relay() {
  thread_.request_stop();
  thread_.join();
}

void Relay::accept() {
  for (const auto& listener : listeners_) {
    const int server = ::accept4(listener->socket.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (server < 0) continue;
    const int camera = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto pipe = std::make_unique<Pipe>(camera, server, listener->lane);
    const int on = 1;
    ::setsockopt(camera, SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof kReceiveBytes);
    for (const int fd : {camera, server}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const sockaddr_in name = name_of(listener->to, listener->port);
    if (::connect(camera, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0)
      pipes_.push_back(std::move(pipe));
  }
}

void Relay::run(const std::stop_token& stop) {
  Channel channel(options_, lanes_);
  MonotonicTime last = Clock::system().monotonic();
  std::vector<bool> sends(lanes_);
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(kTick);
    accept();
    const MonotonicTime now = Clock::system().monotonic();
    const MonotonicTime start = start_.load();
    std::fill(sends.begin(), sends.end(), false);
    for (const auto& pipe : pipes_) sends[pipe->lane] = sends[pipe->lane] || pipe->waiting();
    const auto active = static_cast<size_t>(std::count(sends.begin(), sends.end(), true));
    const double seconds = start == MonotonicTime{} ? 0 : std::max(0.0, vedette::to_seconds(now - start));
    channel.advance(seconds, to_milliseconds(now - last), active);
    last = now;
    const double each = active > 0 ? channel.tokens / static_cast<double>(active) : 0;
    for (size_t lane = 0; lane < lanes_; ++lane) {
      double left = each;
      for (const auto& pipe : pipes_) {
        if (pipe->lane != lane) continue;
        const size_t took =
            pipe->take(pipe->camera.fd, pipe->up, static_cast<size_t>(left), now + channel.delay(lane, now));
        left -= static_cast<double>(took);
        channel.tokens -= static_cast<double>(took);
      }
    }
    for (const auto& pipe : pipes_) {
      pipe->take(pipe->server.fd, pipe->down, 64 << 10, now + from_milliseconds(options_.delay_ms));
      pipe->give(pipe->server.fd, pipe->up, now);
      pipe->give(pipe->camera.fd, pipe->down, now);
    }
    std::erase_if(pipes_, [](const auto& pipe) {
      return pipe->over || (pipe->ending && pipe->up.chunks.empty() && pipe->down.chunks.empty());
    });
  }
}

}  // namespace bench_bounds
