#include "vedette/broker/channels.h"

#include <algorithm>

#include "vedette/framelog/channel_share.h"

namespace vedette::broker {
namespace {

constexpr Duration kLongest = std::chrono::minutes(1);

}  // namespace

struct Channels::Channel {
  std::mutex mutex;
  framelog::ChannelShare share;
  MonotonicTime last;  // members' threads are not in step, and the share's times must not go backwards
};

Channels::Member::Member(std::shared_ptr<Channel> channel, uint64_t number,
                         std::shared_ptr<const framelog::KnobTable> table)
    : channel_(std::move(channel)), number_(number), table_(std::move(table)) {}

Channels::Member::~Member() {
  const std::lock_guard lock(channel_->mutex);
  channel_->share.remove(number_);
}

void Channels::Member::set_bounds(const framelog::Bounds& bounds) {
  const std::lock_guard lock(channel_->mutex);
  channel_->share.add(number_, table_, bounds);
}

double Channels::Member::arrived(const Arrival& arrival) {
  const std::lock_guard lock(channel_->mutex);
  const MonotonicTime at = channel_->last = std::max(channel_->last, arrival.at);
  // A clock that is not known well may put the sending behind the arrival, or anywhere.
  const auto sane = [](Duration time) { return std::clamp(time, Duration{0}, kLongest); };
  channel_->share.arrived(
      {number_, arrival.combination, arrival.bytes, at, sane(arrival.network), sane(arrival.compute)});
  for (const auto& limit : channel_->share.limits(at))
    if (limit.camera == number_) return limit.bytes;
  return 0;
}

std::unique_ptr<Channels::Member> Channels::join(const std::string& channel,
                                                 std::shared_ptr<const framelog::KnobTable> table,
                                                 const framelog::Bounds& bounds) {
  std::shared_ptr<Channel> joined;
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(channels_, [](const auto& entry) { return entry.second.expired(); });
    auto& known = channels_[channel];
    joined = known.lock();
    if (!joined) known = joined = std::make_shared<Channel>();
    number = ++last_;
  }
  {
    const std::lock_guard lock(joined->mutex);
    joined->share.add(number, table, bounds);
  }
  return std::make_unique<Member>(std::move(joined), number, std::move(table));
}

size_t Channels::size() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::count_if(channels_.begin(), channels_.end(), [](const auto& entry) { return !entry.second.expired(); }));
}

}  // namespace vedette::broker
