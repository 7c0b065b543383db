#include "vedette/broker/feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ranges>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/subscription.h"

namespace vedette::broker {

Quality quality_of(const v1::SubscribeRequest& request) {
  constexpr double kMostMs = 3.6e6;
  Quality q;
  q.max_side_px = request.max_side_px();
  q.latency_ms = request.target().latency_ms();
  q.accuracy = request.target().accuracy();
  q.compute_ms = request.compute_ms();
  const auto within = [](double value, double most) { return std::isfinite(value) && value >= 0 && value <= most; };
  if (!within(q.latency_ms, kMostMs))
    throw Error(ErrorCode::kUsage, fmt::format("a latency bound of {} ms cannot be kept", q.latency_ms),
                "give 0 for none, or up to an hour");
  if (!within(q.accuracy, 1))
    throw Error(ErrorCode::kUsage, fmt::format("an accuracy bound of {} cannot be kept", q.accuracy),
                "give 0 for none, or up to 1, the accuracy of untouched frames");
  if (!within(q.compute_ms, kMostMs)) throw Error(ErrorCode::kUsage, "compute_ms must be 0 or more, up to an hour");
  if (q.latency_ms > 0 && q.compute_ms >= q.latency_ms)
    throw Error(ErrorCode::kUsage,
                fmt::format("a latency bound of {} ms cannot be kept: the application alone takes {} ms", q.latency_ms,
                            q.compute_ms));
  if (request.has_begin_ns() && request.begin_ns() < 0) throw Error(ErrorCode::kUsage, "the begin lies before 1970");
  if (request.has_end_ns() && request.end_ns() < 0) throw Error(ErrorCode::kUsage, "the end lies before 1970");
  if (request.has_begin_ns() && request.has_end_ns() && request.end_ns() < request.begin_ns())
    throw Error(ErrorCode::kUsage, "the end lies before the beginning");
  return q;
}

Feed::~Feed() {
  if (source_) source_->stop();
}

Quality Feed::quality() const {
  const std::lock_guard lock(mutex_);
  return quality_;
}

void Feed::set_quality(const Quality& quality) {
  const std::lock_guard lock(mutex_);
  quality_ = quality;
}

uint64_t Feed::commit(const framelog::RecordInfo& info, size_t bytes) {
  return arrived(log_->commit(info, bytes), bytes);
}

uint64_t Feed::append(const framelog::RecordInfo& info, std::span<const std::byte> bytes) {
  return arrived(log_->append(info, bytes), bytes.size());
}

uint64_t Feed::arrived(uint64_t sequence, size_t bytes) {
  Came& came = came_[sequence % came_.size()];
  came.ns = Clock::system().now().time_since_epoch().count();
  came.sequence = sequence;
  wake_all();
  log_->make_ready(bytes);
  return sequence;
}

Timestamp Feed::came(uint64_t sequence, Timestamp now) const {
  const Came& came = came_[sequence % came_.size()];
  return came.sequence == sequence ? Timestamp{Duration{came.ns.load()}} : now;
}

void Feed::note_gap(uint64_t first, uint64_t last, GapReason reason) {
  const std::lock_guard lock(mutex_);
  if (!gaps_.empty() && gaps_.back().reason == reason && gaps_.back().last + 1 == first) {
    gaps_.back().last = last;
    return;
  }
  gaps_.push_back({first, last, reason});
  if (gaps_.size() > kMostGaps) gaps_.pop_front();
}

GapReason Feed::reason_of(uint64_t sequence) const {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& gap : std::ranges::reverse_view(gaps_))
      if (sequence >= gap.first && sequence <= gap.last) return gap.reason;
  }
  const auto oldest = log_->oldest();
  return oldest && sequence < oldest->sequence() ? GapReason::kOverwritten : GapReason::kLost;
}

void Feed::announce(const std::shared_ptr<const v1::Event>& notice) {
  std::shared_ptr<const List> all;
  {
    const std::lock_guard lock(mutex_);
    if (notice->has_setting()) setting_ = notice;
    if (notice->has_infeasible()) infeasible_ = notice->infeasible().over() ? nullptr : notice;
    if (notice->has_clock()) clock_ = notice;
    all = list_;
  }
  for (const auto& subscription : *all) subscription->notify(notice);
}

void Feed::end(std::shared_ptr<const v1::Event> notice) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = std::move(notice);
  }
  wake_all();
}

void Feed::set_lane(std::shared_ptr<const Lane> lane) {
  {
    const std::lock_guard lock(mutex_);
    lane_.swap(lane);
    if (!lane_ && !lane) return;
  }
  wake_all();
}

std::shared_ptr<const Lane> Feed::lane() const {
  const std::lock_guard lock(mutex_);
  return lane_;
}

std::vector<std::shared_ptr<const v1::Event>> Feed::standing_notices() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const v1::Event>> notices;
  for (const auto& notice : {setting_, infeasible_, clock_})
    if (notice) notices.push_back(notice);
  return notices;
}

std::shared_ptr<const v1::Event> Feed::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void Feed::add(std::shared_ptr<Subscription> subscription) {
  const std::lock_guard lock(mutex_);
  auto more = std::make_shared<List>(*list_);
  more->push_back(std::move(subscription));
  list_ = std::move(more);
}

void Feed::remove(const Subscription& subscription) {
  {
    const std::lock_guard lock(mutex_);
    auto fewer = std::make_shared<List>(*list_);
    std::erase_if(*fewer, [&](const auto& known) { return known.get() == &subscription; });
    list_ = std::move(fewer);
  }
  taken();
}

bool Feed::wait_until_read(uint64_t frames, MonotonicTime deadline) const {
  std::unique_lock lock(reading_);
  ++waiting_;  // before the look at the readers: taken() looks the other way round
  const bool read = read_.wait_until(lock, std::chrono::time_point_cast<std::chrono::steady_clock::duration>(deadline),
                                     [&] { return slowest_lag() <= frames; });
  --waiting_;
  return read;
}

void Feed::taken() const {
  if (waiting_ == 0) return;
  {
    const std::lock_guard lock(reading_);
  }  // it looks, or waits already
  read_.notify_all();
}

std::shared_ptr<const Feed::List> Feed::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

size_t Feed::subscribers() const { return list()->size(); }

uint64_t Feed::slowest_lag() const {
  const auto newest = log_->newest();
  const auto all = list();  // kept: whoever comes or goes replaces it
  uint64_t lag = 0;
  if (newest)
    for (const auto& subscription : *all) lag = std::max(lag, subscription->frames_behind(newest->sequence()));
  return lag;
}

void Feed::wake_all() const {
  const auto all = list();  // kept: whoever comes or goes replaces it
  for (const auto& subscription : *all) subscription->wake();
}

void Feed::set_source(std::shared_ptr<FeedSource> source) {
  const std::lock_guard lock(mutex_);
  source_ = std::move(source);
}

std::shared_ptr<FeedSource> Feed::source() const {
  const std::lock_guard lock(mutex_);
  return source_;
}

}  // namespace vedette::broker
