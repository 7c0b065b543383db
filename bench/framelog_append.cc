// The frame log's memory: what an append costs beside a memcpy, with readers asleep and awake, and what look-ups cost.
// Everything that is compared is measured in turns in the same run.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "vedette/framelog/log.h"

namespace vedette::framelog {
namespace {

using SteadyClock = std::chrono::steady_clock;
using nlohmann::ordered_json;

double micros_since(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count();
}

double quantile(std::vector<double> values, double q) {
  const auto at = values.begin() + static_cast<ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Frames to append, more of them than any cache holds.
struct Source {
  explicit Source(size_t bytes)
      : frame_bytes(bytes), count(std::max<size_t>(4, (160 << 20) / bytes)), memory(bytes * count, false, true) {
    std::memset(memory.data(), 1, frame_bytes * count);
  }
  std::span<const std::byte> next() {
    turn = (turn + 1) % count;
    return {memory.data() + turn * frame_bytes, frame_bytes};
  }
  size_t frame_bytes, count, turn = 0;
  SegmentMemory memory;
};

std::shared_ptr<Log> make_log() {
  LogOptions options;
  options.camera = "bench";
  options.capacity_bytes = size_t{256} << 20;
  options.prefault = true;
  return Log::make(options);
}

int64_t now_us = 1'000'000;

double append(Log& log, std::span<const std::byte> bytes) {
  RecordInfo info;
  info.time = from_micros(++now_us);
  info.width = 1920;
  info.height = 1080;
  const auto start = SteadyClock::now();
  log.append(info, bytes);
  return micros_since(start);
}

/// Bandwidth of append over that of memcpy, source and target cold for both.
ordered_json bandwidth(size_t frame_bytes) {
  Source source(frame_bytes);
  const auto log = make_log();
  const size_t target_bytes = size_t{256} << 20;
  SegmentMemory target(target_bytes, false, true);
  size_t at = 0;
  std::vector<double> appends, copies;
  const int each = static_cast<int>(std::max<size_t>(8, (24 << 20) / frame_bytes));
  for (int round = 0; round < 24; ++round) {
    for (int i = 0; i < each; ++i) appends.push_back(append(*log, source.next()));
    for (int i = 0; i < each; ++i) {
      if (at + frame_bytes > target_bytes) at = 0;
      const auto bytes = source.next();
      const auto start = SteadyClock::now();
      std::memcpy(target.data() + at, bytes.data(), bytes.size());
      copies.push_back(micros_since(start));
      at += frame_bytes;
    }
  }
  const double append_us = quantile(appends, 0.5), copy_us = quantile(copies, 0.5);
  const auto bytes = static_cast<double>(frame_bytes);
  std::printf(
      "append   %7zu bytes: %8.1f us = %5.2f GB/s, memcpy %8.1f us = %5.2f GB/s, ratio %.3f (promise >= 0.60)\n",
      frame_bytes, append_us, bytes / append_us / 1e3, copy_us, bytes / copy_us / 1e3, copy_us / append_us);
  return {{"bytes", frame_bytes}, {"append_us", append_us}, {"memcpy_us", copy_us}, {"ratio", copy_us / append_us}};
}

/// Appends at 200 a second; the time of each.
std::vector<double> paced(Log& log, Source& source, int frames) {
  std::vector<double> times;
  auto due = SteadyClock::now();
  for (int i = 0; i < frames; ++i) {
    due += std::chrono::milliseconds(5);
    std::this_thread::sleep_until(due);
    times.push_back(append(log, source.next()));
  }
  return times;
}

/// 64 subscribers that wait in next(), or that sleep elsewhere: the append's time beside that without them, in turns.
ordered_json sleepers(size_t frame_bytes, bool waiting) {
  Source source(frame_bytes);
  const auto log = make_log();
  paced(*log, source, 300);
  std::vector<double> alone, among;
  const auto add = [](std::vector<double>& to, const std::vector<double>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (int turn = 0; turn < 6; ++turn) {
    add(alone, paced(*log, source, 150));
    std::atomic<bool> stop{false};
    std::vector<std::jthread> readers;
    for (int i = 0; i < 64; ++i) {
      readers.emplace_back([&, cursor = log->follow()]() mutable {
        while (!stop) {
          if (waiting) {
            cursor.newest(SteadyClock::now() + std::chrono::milliseconds(100));
          } else {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
          }
        }
      });
    }
    paced(*log, source, 20);
    add(among, paced(*log, source, 150));
    stop = true;
  }
  const double without = quantile(alone, 0.5), with = quantile(among, 0.5);
  std::printf(
      "sleepers %7zu bytes, 64 %s: append %.1f us, without %.1f us, ratio %.3f (promise < 1.05); p90 %.1f, %.1f\n",
      frame_bytes, waiting ? "wait for each frame" : "are subscribed and sleep", with, without, with / without,
      quantile(among, 0.9), quantile(alone, 0.9));
  return {{"bytes", frame_bytes},
          {"waiting", waiting},
          {"with_us", with},
          {"without_us", without},
          {"ratio", with / without}};
}

/// 8 readers that look at every frame, at 200 frames a second.
ordered_json keeping_up(size_t frame_bytes) {
  Source source(frame_bytes);
  const auto log = make_log();
  std::atomic<uint64_t> lost{0}, read{0};
  constexpr int kFrames = 1000;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 8; ++i) {
      readers.emplace_back([&, cursor = log->follow()]() mutable {
        unsigned sum = 0;
        while (const auto frame = cursor.next(SteadyClock::now() + std::chrono::seconds(20))) {
          const auto bytes = frame->bytes();
          for (size_t b = 0; b < bytes.size(); b += 64) sum += std::to_integer<unsigned>(bytes[b]);
          read.fetch_add(1);
        }
        lost.fetch_add(cursor.missed() + (sum == 0 ? 1 : 0));
      });
    }
    paced(*log, source, kFrames);
    log->close();
  }
  std::printf("readers  %7zu bytes, 8 at 200 frames/s: read %llu of %d, lost %llu (promise 0)\n", frame_bytes,
              static_cast<unsigned long long>(read), 8 * kFrames, static_cast<unsigned long long>(lost));
  return {{"bytes", frame_bytes}, {"read", read.load()}, {"expected", 8 * kFrames}, {"lost", lost.load()}};
}

ordered_json queries() {
  LogOptions options;
  options.camera = "bench";
  options.capacity_bytes = size_t{512} << 20;
  const auto log = Log::make(options);
  constexpr int64_t kFrames = 1'000'000;
  const int64_t begin = now_us + 1;
  const std::vector<std::byte> bytes(200);
  for (int64_t i = 0; i < kFrames; ++i) append(*log, bytes);
  std::vector<double> ranges, points;
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto at = from_micros(begin + static_cast<int64_t>((state >> 33) % kFrames));
    auto start = SteadyClock::now();
    auto range = log->range(at, from_micros(now_us + 1));
    const auto first = range.next();
    ranges.push_back(micros_since(start));
    start = SteadyClock::now();
    const auto point = log->at(at);
    points.push_back(micros_since(start));
    if (!first || !point || first->sequence() != point->sequence()) std::abort();
  }
  uint64_t walked = 0;
  const auto start = SteadyClock::now();
  auto all = log->range(from_micros(begin), from_micros(now_us + 1));
  while (all.next()) ++walked;
  const double walk_ns = micros_since(start) * 1e3 / static_cast<double>(walked);
  std::printf(
      "queries  over %llu frames: range %.2f us (p99 %.2f, promise < 50), point %.0f ns, a frame of a walk %.0f ns\n",
      static_cast<unsigned long long>(walked), quantile(ranges, 0.5), quantile(ranges, 0.99),
      quantile(points, 0.5) * 1e3, walk_ns);
  return {{"frames", walked},
          {"range_us", quantile(ranges, 0.5)},
          {"range_p99_us", quantile(ranges, 0.99)},
          {"point_ns", quantile(points, 0.5) * 1e3},
          {"walk_ns", walk_ns}};
}

/// What 1 GB holds.
ordered_json overhead(size_t frame_bytes) {
  LogOptions options;
  options.camera = "bench";
  options.capacity_bytes = 1'000'000'000;
  const auto log = Log::make(options);
  const std::vector<std::byte> bytes(frame_bytes);
  while (log->stats().evicted == 0) append(*log, bytes);
  while (log->stats().segments < 29) append(*log, bytes);
  const LogStats stats = log->stats();
  const double each = static_cast<double>(stats.used_bytes - stats.bytes) / static_cast<double>(stats.frames);
  const double share = static_cast<double>(stats.bytes) / 1e9;
  std::printf(
      "memory   %7zu bytes: 1 GB holds %llu frames (%.1f %% of it are frames); %.0f bytes of index and padding a "
      "frame\n",
      frame_bytes, static_cast<unsigned long long>(stats.frames), share * 100, each);
  return {{"bytes", frame_bytes}, {"frames_in_1_gb", stats.frames}, {"share", share}, {"overhead_bytes", each}};
}

ordered_json run() {
  ordered_json out;
  for (const size_t bytes : {100'000, 500'000, 900'000, 2'000'000}) out["append"].push_back(bandwidth(bytes));
  for (const size_t bytes : {500'000, 2'000'000}) {
    out["sleepers"].push_back(sleepers(bytes, false));
    out["sleepers"].push_back(sleepers(bytes, true));
  }
  out["readers"].push_back(keeping_up(500'000));
  out["queries"] = queries();
  for (const size_t bytes : {50'001, 500'001}) out["memory"].push_back(overhead(bytes));
  return out;
}

}  // namespace
}  // namespace vedette::framelog

int main(int argc, char** argv) {
  const auto out = vedette::framelog::run();
  if (argc == 3 && std::string(argv[1]) == "--json") std::ofstream(argv[2]) << out.dump(2) << "\n";
}
