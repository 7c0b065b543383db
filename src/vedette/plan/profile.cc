#include "vedette/plan/profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "vedette/plan/json_walk.h"

namespace vedette::plan {
namespace {

constexpr double kWeight = 0.1;         // of one report in a running mean: some seconds at several a second
constexpr uint64_t kLeast = 5;          // observations before anything is believed
constexpr size_t kMostEntries = 4'000;
constexpr size_t kMostBytes = 64u << 20;  // of its JSON
constexpr double kBytesOfPixel = 0.13;  // JPEG of quality 75-80 of street scenes
constexpr double kUnknownPixels = 1280.0 * 720;
constexpr double kUnknownFps = 15;

bool within(double value, double low, double high) { return value >= low && value <= high; }  // and not NaN

/// Exponential running mean; the first measurement replaces the guess.
void blend(double& mean, double value, bool first) { mean = first ? value : mean + kWeight * (value - mean); }

std::string key_of(const Stage& stage) { return stage.type + '\n' + stage.settings; }
std::string pair_of(const std::string& from, const std::string& to) { return from + "→" + to; }

template <typename Map, typename Wanted>
void trim(Map& map, const Wanted& wanted) {
  if (map.size() <= kMostEntries) return;
  std::erase_if(map, [&](const auto& entry) { return !wanted(entry.first); });
  while (map.size() > kMostEntries * 8) map.erase(map.begin());  // a fleet that is really so big, or a liar
}

}  // namespace

void Profiles::learn_stage(const StageReport& report, const Stage& stage, double speed) {
  const double mean = report.execution.mean > 0 ? report.execution.mean : report.execution.p50;
  if (report.execution.count < kLeast || !within(mean, 1e-7, 60)) return;
  auto [entry, added] = stages_.try_emplace(key_of(stage), guess(stage.type, stage.settings));
  StageCost& cost = entry->second;
  blend(cost.seconds, mean * speed, !cost.measured);
  if (within(report.bytes_out, 1, 1e9)) blend(cost.bytes_out, report.bytes_out, !cost.measured);
  if (report.processed >= 4 * kLeast) {
    const double ratio = static_cast<double>(report.emitted) / static_cast<double>(report.processed);
    if (within(ratio, 0, 100)) blend(cost.emitted, ratio, !cost.measured);
  }
  cost.measured = true;
}

void Profiles::learn(const NodeReport& report, const Shared& shared) {
  const double speed = within(report.speed, 1e-3, 1e3) ? report.speed : 1;
  for (const auto& stage : report.stages)
    if (const Stage* known = shared.find_stage(stage.key)) learn_stage(stage, *known, speed);
  for (const auto& stream : report.streams) {
    if (stream.state == "streaming" && within(stream.fps, 0.1, 1000)) {
      const auto [entry, added] = fps_.try_emplace(stream.key, stream.fps);
      blend(entry->second, stream.fps, added);
    }
    if (stream.width > 0 && stream.height > 0 && stream.width <= 32768 && stream.height <= 32768)
      picture_bytes_[stream.key] = kBytesOfPixel * stream.width * stream.height;
  }
  for (const auto& link : report.links) {
    if (link.state != "up" || link.peer == report.node) continue;
    const bool rate = within(link.bytes_per_second, 1e3, 1e12);
    const bool rtt = within(link.rtt_seconds, 1e-7, 60);
    if (!rate && !rtt) continue;
    LinkCost& cost = links_[pair_of(report.node, link.peer)];
    if (rate) blend(cost.bytes_per_second, link.bytes_per_second, !cost.measured);
    if (rtt) blend(cost.rtt_seconds, link.rtt_seconds, !cost.measured);
    cost.measured = true;
  }
  forget(shared);
}

void Profiles::forget(const Shared& shared) {
  if (stages_.size() > kMostEntries) {
    std::set<std::string> used;
    for (const auto& stage : shared.stages) used.insert(key_of(stage));
    trim(stages_, [&](const std::string& key) { return used.contains(key); });
  }
  const auto streaming = [&](const std::string& key) { return shared.find_stream(key) != nullptr; };
  trim(fps_, streaming);
  trim(picture_bytes_, streaming);
  trim(links_, [](const std::string& /*pair*/) { return true; });
}

StageCost Profiles::stage(const Stage& stage) const {
  const auto found = stages_.find(key_of(stage));
  return found == stages_.end() ? guess(stage.type, stage.settings) : found->second;
}

LinkCost Profiles::link(const std::string& from, const std::string& to) const {
  if (from == to)
    return {.bytes_per_second = std::numeric_limits<double>::infinity(), .rtt_seconds = 0, .measured = true};
  if (const auto found = links_.find(pair_of(from, to)); found != links_.end()) return found->second;
  LinkCost cost;
  if (const auto back = links_.find(pair_of(to, from)); back != links_.end()) cost = back->second;
  cost.measured = false;
  return cost;
}

double Profiles::picture_bytes(const Stream& stream) const {
  const auto found = picture_bytes_.find(stream.key);
  return found == picture_bytes_.end() ? kBytesOfPixel * kUnknownPixels : found->second;
}

double Profiles::fps(const Stream& stream) const {
  const auto found = fps_.find(stream.key);
  const double known = within(stream.fps, 0.01, 1000) ? stream.fps : 0;
  const double fps = std::max(known, found == fps_.end() ? 0.0 : found->second);
  return fps > 0 ? fps : kUnknownFps;
}

static void walk(JsonWalk& w, StageCost& cost) {
  w.member("seconds", cost.seconds);
  w.member("bytes_out", cost.bytes_out);
  w.member("memory_bytes", cost.memory_bytes);
  w.member("emitted", cost.emitted);
  w.member("measured", cost.measured);
}

static void walk(JsonWalk& w, LinkCost& cost) {
  w.member("bytes_per_second", cost.bytes_per_second);
  w.member("rtt_seconds", cost.rtt_seconds);
  w.member("measured", cost.measured);
}

std::string Profiles::to_json() const {
  Profiles copy = *this;  // a walk may write as well
  return write_json([&](JsonWalk& w) {
    w.table("stages", copy.stages_);
    w.table("links", copy.links_);
    w.member("picture_bytes", copy.picture_bytes_);
    w.member("fps", copy.fps_);
  });
}

Profiles Profiles::from_json(const std::string& text) {
  Profiles out;
  read_json(
      text, "profiles",
      [&](JsonWalk& w) {
        w.table("stages", out.stages_);
        w.table("links", out.links_);
        w.member("picture_bytes", out.picture_bytes_);
        w.member("fps", out.fps_);
      },
      kMostBytes);
  std::erase_if(out.stages_, [](const auto& entry) {
    const StageCost& cost = entry.second;
    return !(within(cost.seconds, 0, 60e3) && within(cost.bytes_out, 0, 1e9) && within(cost.memory_bytes, 0, 1e15) &&
             within(cost.emitted, 0, 100));
  });
  std::erase_if(out.links_, [](const auto& entry) {
    return !(within(entry.second.bytes_per_second, 1e3, 1e12) && within(entry.second.rtt_seconds, 0, 60));
  });
  std::erase_if(out.picture_bytes_, [](const auto& entry) { return !within(entry.second, 1, 1e9); });
  std::erase_if(out.fps_, [](const auto& entry) { return !within(entry.second, 0.01, 1000); });
  return out;
}

}  // namespace vedette::plan
