// What senders ask of their peer, from any thread.
#include <observation.pb.h>

#include <algorithm>
#include <utility>

#include "vedette/link/outgoing_peer.h"

namespace vedette::link {
namespace {

MonotonicTime system_now() { return Clock::system().monotonic(); }

}  // namespace

void OutgoingPeer::add(const std::shared_ptr<OutgoingChannel>& channel) {
  {
    const std::lock_guard lock(mutex_);
    channels_.push_back(channel);
  }
  context_->loop.post([self = shared_from_this(), channel] {
    std::shared_ptr<Connection> connection;
    {
      const std::lock_guard lock(self->mutex_);
      if (channel->closed || channel->number != 0 || self->state_ != State::kReady) return;
      channel->number = ++self->last_number_;
      connection = self->connection_;
    }
    self->open_channel(*connection, *channel);
  });
}

bool OutgoingPeer::reserve(OutgoingChannel& channel) {
  MonotonicTime wake = MonotonicTime::max();
  {
    const std::lock_guard lock(mutex_);
    if (channel.closed) return true;
    if (channel.queue.reserve(context_->now())) return true;
    wake = channel.queue.next_expiry();
  }
  if (wake != MonotonicTime::max()) context_->loop.wake_by(system_now() + (wake - context_->now()));
  return false;
}

void OutgoingPeer::give_back(OutgoingChannel& channel) {
  Channels to_notify;
  {
    const std::lock_guard lock(mutex_);
    if (channel.closed) return;
    channel.queue.give_back();
    collect_notices(to_notify);
  }
  notify(to_notify);
}

void OutgoingPeer::send(const std::shared_ptr<OutgoingChannel>& channel, Observation observation, bool reserved) {
  std::shared_ptr<Connection> connection;
  MonotonicTime wake = MonotonicTime::max();
  size_t bytes = 0;
  if (channel->options.pixels) {
    if (observation.frame().picture) bytes += observation.frame().picture->size_bytes();
    if (observation.frame().jpeg) bytes += observation.frame().jpeg->size();
  }
  if (channel->options.crops)
    for (const Object& object : observation.objects()) bytes += object.crop ? object.crop->size_bytes() : 0;
  {
    const std::lock_guard lock(mutex_);
    if (channel->closed || channel->queue.ended()) return;
    channel->queue.put(std::move(observation), bytes, reserved, context_->now());
    if (channel->queue.attached()) prepare(channel);
    if (state_ == State::kReady) connection = connection_;
    wake = channel->queue.next_expiry();
  }
  if (connection) connection->pump();
  if (wake != MonotonicTime::max()) context_->loop.wake_by(system_now() + (wake - context_->now()));
}

void OutgoingPeer::end(OutgoingChannel& channel) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    if (channel.closed) return;
    channel.queue.end();
    if (state_ == State::kReady) connection = connection_;
  }
  if (connection) connection->pump();
}

void OutgoingPeer::part(OutgoingChannel& channel) {
  const std::lock_guard lock(mutex_);
  channel.parted = true;
  if (channel.receiver_left) channel.queue.forget(GapReason::kUnreachable);
}

bool OutgoingPeer::drained(const OutgoingChannel& channel) const {
  const std::lock_guard lock(mutex_);
  return channel.queue.drained();
}

void OutgoingPeer::close(OutgoingChannel& channel) {
  std::shared_ptr<Connection> connection;
  wire::Close message;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(channel.closed, true)) return;
    std::erase_if(channels_, [&](const auto& c) { return c.get() == &channel; });
    message.set_channel(channel.number);
    if (state_ == State::kReady && channel.number != 0) connection = connection_;
  }
  if (connection) connection->send(pack(MessageType::kClose, message));
  context_->loop.wake_by(system_now());
}

std::shared_ptr<OutgoingChannel> OutgoingPeer::find(uint32_t number) const {
  for (const auto& channel : channels_)
    if (channel->number == number && number != 0) return channel;
  return nullptr;
}

void OutgoingPeer::collect_notices(Channels& to_notify) {
  const MonotonicTime now = context_->now();
  for (const auto& channel : channels_) {
    const bool drained = channel->queue.drained() && !std::exchange(channel->told_drained, channel->queue.drained());
    if (channel->queue.take_room_notice(now) || drained) to_notify.push_back(channel);
  }
}

void OutgoingPeer::notify(const Channels& channels) {
  for (const auto& channel : channels) channel->notify();
}

bool OutgoingPeer::unused() const {
  const std::lock_guard lock(mutex_);
  return channels_.empty() && !connection_ && state_ != State::kConnecting && lent_.empty();
}

PeerStatus OutgoingPeer::status() const {
  const std::lock_guard lock(mutex_);
  PeerStatus s = status_;
  switch (state_) {
    case State::kIdle: s.state = "no_address"; break;
    case State::kConnecting: s.state = "connecting"; break;
    case State::kGreeting: s.state = "greeting"; break;
    case State::kReady: s.state = "ready"; break;
    case State::kWaiting: s.state = "waiting"; break;
  }
  const Connection::Status c = connection_ ? connection_->status() : Connection::Status{};
  s.tls = c.tls;
  s.rtt_seconds = to_seconds(c.rtt);
  s.clock_offset_seconds = to_seconds(c.offset);
  s.bytes_per_second = c.bytes_per_second_out;
  s.bytes_sent = bytes_sent_before_ + c.bytes_sent;
  s.bytes_received = bytes_received_before_ + c.bytes_received;
  return s;
}

void OutgoingPeer::channel_status(std::vector<OutgoingChannelStatus>& into) const {
  const std::lock_guard lock(mutex_);
  for (const auto& channel : channels_) into.push_back(channel->status(name_, state_ == State::kReady));
}

}  // namespace vedette::link
