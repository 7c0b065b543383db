// A picture from one process to another: our links beside raw sockets and what others use. 100 KB, 500 KB and 2 MB, 200
// a second (one-way latency) and flat out (throughput). The rounds of all ways alternate, so that noise hits all;
// figures are medians over the rounds. Promises, in the same run:
//
//   latency      over TCP at 500 KB, median                        at most 1.3 × raw TCP
//   throughput   over TCP at 500 KB, flat out                      at least 0.85 × raw TCP
//   shared       by shared memory at 500 KB, median                at most 60 µs
//   others       over TCP at 500 KB, median and throughput         ahead of ZeroMQ, gRPC and HTTP + msgpack
//
//   link [--json FILE] [--rounds N] [--quick] [--only WAY]        exit status 1 when a promise is broken
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "link_bench.h"

namespace vedette::bench {
namespace {

constexpr double kMostLatencyRatio = 1.3;
constexpr double kLeastThroughputRatio = 0.85;
constexpr double kMostSharedMicroseconds = 60;
constexpr int64_t kPaceNs = 5'000'000;
constexpr std::array<std::pair<int, int>, 3> kSizes{{{256, 260}, {640, 520}, {1280, 1040}}};
constexpr size_t kPromised = 1;  // of kSizes

struct Figures {
  std::vector<double> p50_us, p99_us, gigabytes_per_second;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

size_t picture_bytes(const std::pair<int, int>& size) {
  return static_cast<size_t>(size.first) * static_cast<size_t>(size.second) * 3 / 2;
}

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
  ::_exit(status);
}

/// Runs one case in two processes. False when it did not come to its end.
bool run(Way& way, Shared& shared, const Case& c) {
  shared.port = 0;
  shared.received = 0;
  const pid_t receiver = in_child([&] { way.receive(shared, c); });
  bool fine = wait_for([&] { return shared.port.load() != 0; }, 10);
  const pid_t sender = in_child([&] { way.send(shared, c); });
  int status = 0;
  fine = ::waitpid(sender, &status, 0) == sender && status == 0 && fine;
  fine = wait_for([&] { return shared.received.load() >= c.messages; }, 10) && fine;
  if (!wait_for([&] { return ::waitpid(receiver, &status, WNOHANG) != 0; }, 10)) {
    ::kill(receiver, SIGKILL);
    ::waitpid(receiver, &status, 0);
  }
  return fine;
}

std::vector<std::unique_ptr<Way>> all_ways(bool tls) {
  std::vector<std::unique_ptr<Way>> ways;
  ways.push_back(raw_tcp());
  ways.push_back(link_over_tcp());
  ways.push_back(raw_unix());
  ways.push_back(link_over_unix());
  ways.push_back(link_over_shared_memory());
  if (tls) ways.push_back(link_over_tls());
#ifdef VEDETTE_BENCH_ZEROMQ
  ways.push_back(zeromq());
#endif
  ways.push_back(grpc_stream());
#ifdef VEDETTE_BENCH_MSGPACK
  ways.push_back(http_msgpack());
#endif
  return ways;
}

int main(int count, char** arguments) {
  std::string json, only;
  int rounds = 3;
  bool quick = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = arguments[i];
    if (word == "--quick") quick = true;
    if (i + 1 >= count) continue;
    if (word == "--json") json = arguments[i + 1];
    if (word == "--rounds") rounds = std::max(1, std::atoi(arguments[i + 1]));
    if (word == "--only") only = arguments[i + 1];
  }
  if (quick) rounds = 1;
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  Shared& shared = *::new (memory) Shared;
  std::string folder = (std::filesystem::temp_directory_path() / "bench-link-XXXXXX").string();
  if (!::mkdtemp(folder.data())) return 1;
  std::memcpy(shared.folder.data(), folder.c_str(), folder.size() + 1);
  const bool certificates = std::system(("tools/dev/certificates.sh " + folder + " node >/dev/null 2>&1").c_str()) == 0;
  if (!certificates) fmt::print(stderr, "no certificates could be made: TLS is left out\n");

  const auto ways = all_ways(certificates);
  std::map<std::string, std::array<Figures, kSizes.size()>> figures;
  for (int round = 0; round < rounds; ++round) {
    for (size_t s = 0; s < kSizes.size(); ++s) {
      for (const auto& way : ways) {
        if (!only.empty() && way->name().find(only) == std::string::npos) continue;
        Figures& f = figures[way->name()][s];
        Case c{picture_bytes(kSizes[s]), kSizes[s].first, kSizes[s].second};
        c.messages = 110;
        c.pause_ns = kPaceNs;
        ::unlink(c.file(shared, "raw.sock").c_str());
        if (run(*way, shared, c)) {
          constexpr size_t kWarmUp = 10;
          std::vector<double> us;
          for (size_t i = kWarmUp; i < c.messages; ++i) us.push_back(static_cast<double>(shared.latency_ns[i]) / 1e3);
          std::sort(us.begin(), us.end());
          f.p50_us.push_back(us[us.size() / 2]);
          f.p99_us.push_back(us[us.size() * 99 / 100]);
        } else {
          fmt::print(stderr, "{}: a run at 200 a second failed\n", way->name());
        }
        c.messages = std::max<uint64_t>(60, (quick ? 100'000'000 : 300'000'000) / c.bytes);
        c.pause_ns = 0;
        ::unlink(c.file(shared, "raw.sock").c_str());
        if (run(*way, shared, c)) {
          const double seconds = static_cast<double>(shared.last_ns - shared.first_ns) * 1e-9;
          f.gigabytes_per_second.push_back(static_cast<double>((c.messages - 1) * c.bytes) / seconds / 1e9);
        } else {
          fmt::print(stderr, "{}: a run flat out failed\n", way->name());
        }
      }
    }
  }
  std::filesystem::remove_all(folder);

  nlohmann::json out{{"benchmark", "link"}, {"rounds", rounds}};
  fmt::print("{:<26}{:>21}{:>21}{:>21}\n", "", "100 KB", "500 KB", "2 MB");
  fmt::print("{:<26}{:>21}{:>21}{:>21}\n", "", "p50/p99 µs   GB/s", "p50/p99 µs   GB/s", "p50/p99 µs   GB/s");
  for (const auto& way : ways) {
    const auto& f = figures[way->name()];
    fmt::print("{:<26}", way->name());
    for (size_t s = 0; s < kSizes.size(); ++s) {
      fmt::print("{:>21}", fmt::format("{:.0f}/{:.0f} {:6.2f}", median(f[s].p50_us), median(f[s].p99_us),
                                       median(f[s].gigabytes_per_second)));
      out["ways"][way->name()].push_back({{"bytes", picture_bytes(kSizes[s])},
                                          {"p50_us", median(f[s].p50_us)},
                                          {"p99_us", median(f[s].p99_us)},
                                          {"gigabytes_per_second", median(f[s].gigabytes_per_second)}});
    }
    fmt::print("\n");
  }
  if (!only.empty()) return 0;

  const auto ratio_of_rounds = [&](const std::string& a, const std::string& b, auto member) {
    const auto& x = figures[a][kPromised].*member;
    const auto& y = figures[b][kPromised].*member;
    std::vector<double> ratios;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) ratios.push_back(x[i] / y[i]);
    return median(ratios);
  };
  bool kept = true;
  const auto promise = [&](const char* what, double value, bool holds, const std::string& wanted) {
    fmt::print("{:<56}{:8.2f}   promise {}{}\n", what, value, wanted, holds ? "" : "   BROKEN");
    out["promises"][what] = {{"value", value}, {"kept", holds}};
    kept = kept && holds;
  };
  const std::string tcp = "link over TCP";
  const double latency = ratio_of_rounds(tcp, "raw TCP, no delay", &Figures::p50_us);
  const double throughput = ratio_of_rounds(tcp, "raw TCP, no delay", &Figures::gigabytes_per_second);
  const double shm = median(figures["link by shared memory"][kPromised].p50_us);
  promise("median against raw TCP, 500 KB", latency, latency <= kMostLatencyRatio,
          fmt::format("≤ {}", kMostLatencyRatio));
  promise("throughput against raw TCP, 500 KB", throughput, throughput >= kLeastThroughputRatio,
          fmt::format("≥ {}", kLeastThroughputRatio));
  promise("shared memory, 500 KB, median µs", shm, shm <= kMostSharedMicroseconds,
          fmt::format("≤ {}", kMostSharedMicroseconds));
  for (const char* other : {"ZeroMQ PUSH/PULL", "gRPC byte buffers", "HTTP + msgpack"}) {
    if (figures[other][kPromised].p50_us.empty()) {
      fmt::print("{}: not built here (its packages are missing)\n", other);
      continue;
    }
    const double slower = ratio_of_rounds(tcp, other, &Figures::p50_us);
    const double faster = ratio_of_rounds(tcp, other, &Figures::gigabytes_per_second);
    promise(fmt::format("median against {}", other).c_str(), slower, slower < 1, "< 1");
    promise(fmt::format("throughput against {}", other).c_str(), faster, faster > 1, "> 1");
  }
  fmt::print("{}\n", kept ? "all promises kept" : "A PROMISE IS BROKEN");
  out["kept"] = kept;
  if (!json.empty()) std::ofstream(json) << out.dump(2) << "\n";
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace vedette::bench

int main(int count, char** arguments) { return vedette::bench::main(count, arguments); }
