#include "vedette/framelog/channel_share.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kEvery = milliseconds(250);
constexpr Duration kDwell = seconds(1);
constexpr Duration kTrial = seconds(5);
constexpr Duration kFailedHold = seconds(4);
constexpr Duration kLongest = seconds(60);
constexpr Duration kGone = seconds(3);
constexpr double kUpWithin = 0.9;
constexpr double kExploreWithin = 1.15;
constexpr double kMostLoad = 0.85;
constexpr double kWorthwhile = 0.001;  // F1 a camera
constexpr size_t kEnough = 5;

/// Rows of the frontier within the accuracy that lie on the upper concave hull of F1 over load.
std::vector<size_t> hull_of(const KnobTable& table, double accuracy) {
  std::vector<size_t> rows;
  for (const size_t row : table.frontier()) {
    if (table.rows()[row].f1 >= accuracy) rows.push_back(row);
  }
  if (rows.empty()) return {table.best()};
  const auto load = [&](size_t row) { return table.rows()[row].load_bytes(); };
  const auto f1 = [&](size_t row) { return table.rows()[row].f1; };
  std::sort(rows.begin(), rows.end(), [&](size_t a, size_t b) { return load(a) < load(b); });
  std::vector<size_t> hull;
  for (const size_t row : rows) {
    if (!hull.empty() && f1(row) <= f1(hull.back())) continue;
    while (hull.size() >= 2) {
      const size_t a = hull[hull.size() - 2];
      const size_t b = hull.back();
      const bool below = (f1(b) - f1(a)) * (load(row) - load(a)) <= (f1(row) - f1(a)) * (load(b) - load(a));
      if (!below) break;
      hull.pop_back();
    }
    hull.push_back(row);
  }
  return hull;
}

}  // namespace

void ChannelShare::add(uint64_t camera, std::shared_ptr<const KnobTable> table, const Bounds& bounds) {
  VEDETTE_ASSERT(table && !table->empty());
  check(bounds);
  if (cameras_.size() >= kMostCameras && !cameras_.contains(camera)) {
    throw Error(ErrorCode::kExhausted, "more than 256 cameras share one channel", "give each channel its own share");
  }
  Camera added;
  added.hull = hull_of(*table, bounds.accuracy);
  added.row = added.hull.front();
  added.table = std::move(table);
  added.bounds = bounds;
  cameras_.insert_or_assign(camera, std::move(added));
}

void ChannelShare::arrived(const Arrival& arrival) {
  const auto at = cameras_.find(arrival.camera);
  if (at == cameras_.end()) return;
  Camera& camera = at->second;
  const size_t row = camera.table->index_of(arrival.combination);
  if (row == KnobTable::npos) return;
  const MonotonicTime sent = arrival.at - arrival.network;
  const auto& known = camera.table->rows()[row];
  const double expected = known.bytes_mean * camera.sizes.scale(known.family);
  camera.sizes.observe(known.family, known.bytes_mean, static_cast<double>(arrival.bytes));
  const MonotonicTime began = std::max(sent, camera.last_at);
  camera.link.observe(expected, std::max(to_milliseconds(arrival.at - began), 0.01), arrival.at);
  if (camera.last_sent != MonotonicTime{}) {
    camera.gaps_ms.push(std::max(1.0, to_milliseconds(sent - camera.last_sent)) * known.kept);
  }
  const double compute = to_milliseconds(arrival.compute);
  camera.compute_ms += (camera.compute_ms == 0 ? 1 : 0.1) * (compute - camera.compute_ms);
  camera.row = row;
  camera.last_sent = sent;
  camera.last_at = std::max(camera.last_at, arrival.at);
}

double ChannelShare::bytes_at(const Camera& camera, size_t step) {
  const auto& row = camera.table->rows()[camera.hull[step]];
  return row.bytes_mean * camera.sizes.scale(row.family);
}

double ChannelShare::load_at(const Camera& camera, size_t step) {
  const auto& row = camera.table->rows()[camera.hull[step]];
  return bytes_at(camera, step) * row.kept / camera.gaps_ms.quantile(0.3, 1e9);
}

double ChannelShare::load_now(const Camera& camera) const {
  const auto& row = camera.table->rows()[camera.row];
  return row.load_bytes() * camera.sizes.scale(row.family) / camera.gaps_ms.quantile(0.3, 1e9);
}

double ChannelShare::load_of(const Division& division) const {
  double load = 0;
  for (const auto& [id, step] : division) load += load_at(cameras_.at(id), step);
  return load;
}

bool ChannelShare::fits(const Camera& camera, size_t step, double others_more, double within) const {
  const double bytes = bytes_at(camera, step);
  const double rate = 1 / camera.link.per_byte() - others_more;  // bytes a ms
  if (rate <= 0) return false;
  const double quantile = camera.bounds.percentile + 0.6 * (1 - camera.bounds.percentile);
  const double ms = (camera.link.base_ms() + bytes / rate) * camera.link.spread(quantile) + camera.compute_ms;
  return ms <= within * to_milliseconds(camera.bounds.latency) && load_at(camera, step) <= kMostLoad * rate;
}

bool ChannelShare::all_fit(const Division& division, double within) const {
  double more = 0;
  for (const auto& [id, step] : division) more += load_at(cameras_.at(id), step) - load_now(cameras_.at(id));
  return std::all_of(division.begin(), division.end(), [&](const auto& at) {
    const Camera& camera = cameras_.at(at.first);
    const double own = load_at(camera, at.second) - load_now(camera);
    // A camera that cannot keep its bounds at the least is infeasible whatever the others do.
    return at.second == 0 || fits(camera, at.second, more - own, within);
  });
}

ChannelShare::Plan ChannelShare::plan(double within) const {
  Plan plan;
  double more = 0;
  for (const auto& [id, camera] : cameras_) {
    if (!camera.active) continue;
    plan.division[id] = camera.hull.size() - 1;
    more += load_at(camera, camera.hull.size() - 1) - load_now(camera);
  }
  plan.before_last_step = plan.division;
  for (;;) {
    uint64_t give = 0;
    double least = std::numeric_limits<double>::infinity();
    bool all = true;
    for (const auto& [id, step] : plan.division) {
      const Camera& camera = cameras_.at(id);
      const double own = load_at(camera, step) - load_now(camera);
      const bool fit = fits(camera, step, more - own, within);
      all = all && fit;
      if (step == 0) continue;
      const auto& from = camera.table->rows()[camera.hull[step]];
      const auto& to = camera.table->rows()[camera.hull[step - 1]];
      const double saved = load_at(camera, step) - load_at(camera, step - 1);
      // What helps a camera that does not fit helps twice: its own frame and everybody's channel.
      const double price = (from.f1 - to.f1) / std::max(saved, 1e-9) / (fit ? 1 : 2);
      if (price < least) {
        least = price;
        give = id;
      }
    }
    if (all || least == std::numeric_limits<double>::infinity()) break;
    plan.before_last_step = plan.division;
    const Camera& camera = cameras_.at(give);
    size_t& step = plan.division[give];
    more -= load_at(camera, step) - load_at(camera, step - 1);
    --step;
  }
  for (const auto& [id, step] : plan.division) {
    const Camera& camera = cameras_.at(id);
    plan.f1 += camera.table->rows()[camera.hull[step]].f1;
  }
  return plan;
}

void ChannelShare::adopt(const Division& division, MonotonicTime now, bool exploring) {
  Division present;
  double f1 = 0;
  for (const auto& [id, step] : division) {
    Camera& camera = cameras_.at(id);
    present[id] = camera.step;
    f1 += camera.table->rows()[camera.hull[step]].f1 - camera.table->rows()[camera.hull[camera.step]].f1;
  }
  if (present == division) return;
  if (f1 < 0 && went_up_ && now - changed_ < kTrial) {
    hold_ = std::clamp(2 * hold_, kFailedHold, kLongest);
    held_until_ = now + hold_;
    held_load_ = load_of(present);
    if (exploring_) explore_after_ = std::min(2 * explore_after_, kLongest);
  }
  if (went_up_ && now - changed_ > 4 * kTrial) hold_ = Duration{};
  for (const auto& [id, step] : division) cameras_.at(id).step = step;
  went_up_ = f1 > 0;
  exploring_ = exploring;
  changed_ = now;
}

std::vector<ChannelShare::Limit> ChannelShare::limits(MonotonicTime now) {
  size_t active = 0;
  for (auto& [id, camera] : cameras_) {
    const bool was = camera.active;
    camera.active = camera.link.seen() >= kEnough && now - camera.last_at < kGone;
    // A camera that comes joins with what it sends.
    if (camera.active && !was) {
      camera.step = 0;
      for (size_t step = 0; step < camera.hull.size(); ++step) {
        if (bytes_at(camera, step) <= 1.01 * camera.table->rows()[camera.row].bytes_mean) camera.step = step;
      }
    }
    active += camera.active ? 1 : 0;
    // The channel got better by itself: what failed on it before says nothing any more.
    if (camera.link.improved() && camera.link.changed() > links_change_) {
      links_change_ = camera.link.changed();
      held_until_ = {};
    }
  }
  if (active >= 2 && now - computed_ >= kEvery) {
    computed_ = now;
    Division present;
    double f1 = 0;
    for (const auto& [id, camera] : cameras_) {
      if (!camera.active) continue;
      present[id] = camera.step;
      f1 += camera.table->rows()[camera.hull[camera.step]].f1;
    }
    if (!all_fit(present, 1)) {
      adopt(plan(0.97).division, now, false);
    } else if (now - changed_ >= kDwell) {
      const Plan better = plan(kUpWithin);
      const bool founded = std::all_of(cameras_.begin(), cameras_.end(), [&](const auto& at) {
        return !at.second.active || at.second.link.founded(now);
      });
      const bool held = held_until_ > now && load_of(better.division) >= 0.98 * held_load_;
      if (better.f1 > f1 + kWorthwhile * static_cast<double>(active) && !held) {
        adopt(better.division, now, false);
      } else if (now - changed_ >= explore_after_ && held_until_ <= now && !founded &&
                 all_fit(better.before_last_step, kExploreWithin)) {
        adopt(better.before_last_step, now, true);
      }
    }
  }
  std::vector<Limit> limits;
  for (const auto& [id, camera] : cameras_) {
    const bool limited = active >= 2 && camera.active;
    limits.push_back({id, limited ? camera.table->rows()[camera.hull[camera.step]].bytes_mean * 1.0001 : 0});
  }
  return limits;
}

}  // namespace vedette::framelog
