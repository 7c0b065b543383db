// A network between namespaces for benchmarks, where the kernel's netem may be missing: each machine gets a TUN device
// named eth0, and what it sends waits for its turn on a line of the given rate and then for the delay. What would wait
// for longer than the queue is dropped, as tbf does.
//
//   tool_channel --rate-mbps 1000 --delay-ms 0.5 vb-node-1=10.77.0.11 vb-node-2=10.77.0.12
//
// Prints "ready" when the devices exist; the caller gives them their addresses. Ends at SIGTERM; prints one line of
// JSON.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/time.h"

namespace vedette {
namespace {

using std::chrono::nanoseconds;

volatile sig_atomic_t stopping = 0;

struct Line {
  double rate_mbps = 1000;  ///< of each machine's own line; 0: no limit
  double delay_ms = 0;      ///< one way
  double jitter_ms = 0;  ///< standard deviation of what is added to the delay, never less than nothing; keeps the order
  double queue_ms = 50;  ///< longest wait for the line
};

struct Port {
  std::string space;
  in_addr address{};
  int fd = -1;
  MonotonicTime free_at{};  ///< when the line out of it is free
  MonotonicTime last_due{};  ///< of what goes to it
  uint64_t sent = 0, dropped = 0, bytes = 0;
};

struct Packet {
  MonotonicTime due;
  uint64_t number;
  size_t to;
  std::vector<char> bytes;
};
struct Later {
  bool operator()(const Packet& a, const Packet& b) const {
    return a.due != b.due ? a.due > b.due : a.number > b.number;
  }
};

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

/// A TUN device eth0 within a namespace of `ip netns`.
int open_device(const std::string& space) {
  const int own = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  const int other = ::open(("/run/netns/" + space).c_str(), O_RDONLY | O_CLOEXEC);
  if (other < 0) fail("namespace " + space);
  if (::setns(other, CLONE_NEWNET) != 0) fail("entering namespace " + space);
  const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail("/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::copy_n("eth0", 5, request.ifr_name);
  if (::ioctl(fd, TUNSETIFF, &request) != 0) fail("a TUN device in " + space);
  if (::setns(own, CLONE_NEWNET) != 0) fail("leaving namespace " + space);
  ::close(own);
  ::close(other);
  return fd;
}

class Channel {
 public:
  Channel(const Line& line, std::vector<Port> ports) : line_(line), ports_(std::move(ports)) {
    for (auto& port : ports_) port.fd = open_device(port.space);
  }

  void run() {
    std::vector<pollfd> polled;
    for (const auto& port : ports_) polled.push_back({port.fd, POLLIN, 0});
    while (!stopping) {
      timespec wait{0, 100'000'000};
      if (!waiting_.empty()) {
        const auto left = std::clamp<nanoseconds>(waiting_.top().due - Clock::system().monotonic(), nanoseconds(0),
                                                  std::chrono::milliseconds(100));
        wait.tv_nsec = left.count();
      }
      const int ready = ::ppoll(polled.data(), polled.size(), &wait, nullptr);
      if (ready < 0 && errno != EINTR) fail("poll");
      for (size_t i = 0; ready > 0 && i < polled.size(); ++i)
        if ((polled[i].revents & POLLIN) != 0) take_from(i);
      deliver();
    }
  }

  std::string report() const {
    auto out = nlohmann::json::object();
    for (const auto& port : ports_)
      out[port.space] = {{"packets", port.sent}, {"bytes", port.bytes}, {"dropped", port.dropped}};
    return out.dump();
  }

 private:
  void take_from(size_t index) {
    constexpr int kAtOnce = 64;
    Port& from = ports_[index];
    for (int i = 0; i < kAtOnce; ++i) {
      const ssize_t size = ::read(from.fd, buffer_.data(), buffer_.size());
      if (size < 20) return;  // nothing more, or no IP header
      if ((buffer_[0] >> 4 & 15) != 4) continue;  // IPv6's neighbour discovery and the like
      in_addr to{};
      std::copy_n(buffer_.data() + 16, 4, reinterpret_cast<char*>(&to.s_addr));
      const auto port =
          std::find_if(ports_.begin(), ports_.end(), [&](const Port& p) { return p.address.s_addr == to.s_addr; });
      if (port == ports_.end()) continue;
      send(from, static_cast<size_t>(port - ports_.begin()), static_cast<size_t>(size));
    }
  }

  void send(Port& from, size_t to, size_t size) {
    const MonotonicTime now = Clock::system().monotonic();
    const MonotonicTime start = std::max(now, from.free_at);
    if (start - now > from_milliseconds(line_.queue_ms)) {
      ++from.dropped;
      return;
    }
    from.free_at = start + (line_.rate_mbps > 0
                                ? nanoseconds(static_cast<int64_t>(static_cast<double>(size) * 8e3 / line_.rate_mbps))
                                : nanoseconds(0));
    const double extra = line_.jitter_ms > 0 ? std::max(0.0, jitter_(random_) * line_.jitter_ms) : 0;
    Port& target = ports_[to];
    target.last_due = std::max(target.last_due, from.free_at + from_milliseconds(line_.delay_ms + extra));
    ++from.sent;
    from.bytes += size;
    waiting_.push({target.last_due, number_++, to, {buffer_.data(), buffer_.data() + size}});
  }

  void deliver() {
    const MonotonicTime now = Clock::system().monotonic();
    while (!waiting_.empty() && waiting_.top().due <= now) {
      const Packet& packet = waiting_.top();
      if (::write(ports_[packet.to].fd, packet.bytes.data(), packet.bytes.size()) < 0) ++ports_[packet.to].dropped;
      waiting_.pop();
    }
  }

  const Line line_;
  std::vector<Port> ports_;
  std::priority_queue<Packet, std::vector<Packet>, Later> waiting_;
  std::array<char, 65536> buffer_{};
  std::mt19937 random_{1};
  std::normal_distribution<double> jitter_{0, 1};
  uint64_t number_ = 0;
};

int run(int argc, char** argv) {
  CLI::App app("A network between namespaces with a rate and a delay");
  Line line;
  std::vector<std::string> machines;
  app.add_option("--rate-mbps", line.rate_mbps);
  app.add_option("--delay-ms", line.delay_ms);
  app.add_option("--jitter-ms", line.jitter_ms);
  app.add_option("--queue-ms", line.queue_ms);
  app.add_option("machines", machines, "NAMESPACE=IPv4 address")->required();
  CLI11_PARSE(app, argc, argv);
  std::vector<Port> ports;
  for (const auto& machine : machines) {
    const size_t equals = machine.find('=');
    Port port;
    port.space = machine.substr(0, equals);
    if (equals == std::string::npos || inet_pton(AF_INET, machine.c_str() + equals + 1, &port.address) != 1)
      throw Error(ErrorCode::kUsage, "'" + machine + "': expected NAMESPACE=ADDRESS");
    ports.push_back(std::move(port));
  }
  std::signal(SIGTERM, [](int) { stopping = 1; });
  std::signal(SIGINT, [](int) { stopping = 1; });
  Channel channel(line, std::move(ports));
  fmt::print("ready\n");
  std::fflush(stdout);
  channel.run();
  fmt::print("{}\n", channel.report());
  return 0;
}

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  try {
    return vedette::run(argc, argv);
  } catch (const vedette::Error& e) {
    fmt::print(stderr, "tool_channel: {}\n", e.line());
    return vedette::exit_status(e.code());
  }
}
