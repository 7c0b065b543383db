#include "vedette/link/incoming_channel.h"

#include <observation.pb.h>

#include <algorithm>

#include "vedette/base/log.h"
#include "vedette/link/incoming_link.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {

IncomingChannel::IncomingChannel(std::shared_ptr<Context> context, ChannelId id, std::string from,
                                 std::shared_ptr<const StreamInfo> stream, ReceiverHandler& handler,
                                 ReceiverOptions options)
    : context_(std::move(context)),
      id_(std::move(id)),
      from_(std::move(from)),
      stream_(std::move(stream)),
      strand_(std::make_shared<Strand>(context_->workers)),
      handler_(&handler),
      order_(options.credit) {}

void IncomingChannel::attach(const std::shared_ptr<IncomingLink>& link, const Opening& opening, uint32_t attachment) {
  wire::Attach answer;
  bool restarted = false;
  {
    const std::lock_guard lock(mutex_);
    if (silenced_) return;  // while the loop's thread was on its way here
    const ReceiveOrder::Attach attach = order_.attach(opening.instance, opening.capacity);
    link_ = link;
    channel_ = opening.channel;
    attachment_ = attachment;
    came_ = false;
    ++attached_;
    restarted = attach.restarted;
    answer.set_channel(opening.channel);
    answer.set_attachment(attachment);
    answer.set_resumes(attach.resumes);
    answer.set_next(attach.next);
    answer.set_allowed(attach.allowed);
  }
  if (restarted) deliver_in_turn({.gaps = {{"sender_restarted", 0}}, .observation = nullptr});
  link->send(pack(MessageType::kAttach, answer));
}

void IncomingChannel::detach(const IncomingLink* link, uint32_t channel, bool sender_closed) {
  std::shared_ptr<IncomingLink> last;  // goes after the lock does
  bool ours = false;
  {
    const std::lock_guard lock(mutex_);
    if (link_.get() != link || channel_ != channel) return;
    // One that served another receiver before us and had nothing left for us is not the sender that we are opened for.
    ours = came_ || attachment_ == 1;
    last = std::move(link_);
    order_.detach();
    if (sender_closed) order_.closed();
  }
  if (sender_closed && ours) deliver_in_turn({.gaps = {}, .observation = nullptr, .closed = true});
}

bool IncomingChannel::takes_from(const IncomingLink* link, uint32_t channel) const {
  const std::lock_guard lock(mutex_);
  return link_.get() == link && channel_ == channel;
}

IncomingChannel::Gaps IncomingChannel::news(const ReceiveOrder::Arrival& arrival, Gaps gaps) {
  Gaps result;
  uint64_t left = arrival.explained;
  for (auto& [reason, count] : gaps) {
    const uint64_t here = std::min(left, count);
    left -= here;
    if (here > 0) result.emplace_back(std::move(reason), here);
  }
  if (arrival.lost > 0) result.emplace_back("lost", arrival.lost);
  return result;
}

void IncomingChannel::count(const Gaps& gaps) {
  constexpr size_t kMostReasons = 32;
  for (const auto& [reason, n] : gaps)
    if (gaps_.size() < kMostReasons || gaps_.contains(reason)) gaps_[reason] += n;
}

namespace {

/// Saturates: a hostile peer may say anything.
uint64_t sum_of(const std::vector<std::pair<std::string, uint64_t>>& gaps) {
  uint64_t sum = 0;
  for (const auto& gap : gaps) sum += std::min(gap.second, UINT64_MAX - sum);
  return sum;
}

}  // namespace

void IncomingChannel::arrived(ReceivedObservation received, MonotonicTime now) {
  Delivery delivery;
  Told credit;
  bool repeat = false;
  {
    const std::lock_guard lock(mutex_);
    const auto arrival = order_.observation(received.number, sum_of(received.gaps));
    if (arrival.verdict == ReceiveOrder::Verdict::kViolation)
      throw ProtocolError("an observation that nobody gave credit for on " + to_string(id_));
    if (arrival.verdict == ReceiveOrder::Verdict::kRepeat) {
      ++duplicates_;
    } else {
      ++received_;
      came_ = true;
      delivery.attached = attached_;
      delivery.next = received.number + 1;
      delivery.gaps = news(arrival, std::move(received.gaps));
      count(delivery.gaps);
    }
    bytes_ += received.body_bytes + received.shared_bytes;
    transfer_.record(now - received.sent);
    credit = due();
    repeat = arrival.verdict == ReceiveOrder::Verdict::kRepeat;
  }
  if (repeat) return tell(std::move(credit));
  received.frame.stream = stream_;  // as this node calls it
  context_->trace(received.frame, TraceSpan::Kind::kReceive, "from " + from_, id_.producer, Duration{0});
  delivery.began = Clock::system().monotonic();
  delivery.observation = std::make_shared<ReceivedObservation>(std::move(received));
  deliver_in_turn(std::move(delivery));
  tell(std::move(credit));
}

void IncomingChannel::marked(uint64_t number, Gaps gaps, bool end) {
  Delivery delivery;
  Told credit;
  {
    const std::lock_guard lock(mutex_);
    const auto arrival = order_.mark(number, sum_of(gaps), end);
    if (arrival.verdict == ReceiveOrder::Verdict::kViolation) throw ProtocolError("a mark on a closed channel");
    if (arrival.verdict == ReceiveOrder::Verdict::kNew) {
      came_ = true;
      delivery.attached = attached_;
      delivery.next = end ? number + 1 : number;
      delivery.gaps = news(arrival, std::move(gaps));
      count(delivery.gaps);
      delivery.end = end;
    }
    credit = due();
  }
  if (delivery.end || !delivery.gaps.empty()) deliver_in_turn(std::move(delivery));
  tell(std::move(credit));
}

void IncomingChannel::deliver_in_turn(Delivery delivery) {
  const bool slow = delivery.observation && delivery.observation->needs_decoding();
  if (!slow && strand_->try_enter()) {
    deliver(delivery);
    strand_->leave();
    return;
  }
  strand_->post([self = shared_from_this(), shared = std::make_shared<Delivery>(std::move(delivery))] {
    self->deliver(*shared);
  });
}

void IncomingChannel::deliver(Delivery& delivery) {
  std::optional<Observation> observation;
  if (delivery.observation) {
    try {
      const bool slow = delivery.observation->needs_decoding();
      const MonotonicTime began = Clock::system().monotonic();
      observation = assemble(std::move(*delivery.observation), stream_, context_->pool);
      const MonotonicTime ended = Clock::system().monotonic();
      const Frame& frame = observation->frame();
      const auto [width, height] = frame.picture ? media::pixel_size(frame) : std::pair(frame.width, frame.height);
      if (slow) context_->decoded(static_cast<size_t>(width) * static_cast<size_t>(height), ended - began);
      receive_.record(ended - delivery.began);
    } catch (const Error& e) {
      delivery.gaps.emplace_back("decode_failed", 1);
      context_->warn_rarely("decode " + from_, "link from '" + from_ + "', " + to_string(id_) + ": " + e.line());
      {
        const std::lock_guard lock(mutex_);
        gaps_["decode_failed"] += 1;
      }
      grant(1);
    }
  }
  const std::lock_guard lock(delivery_mutex_);
  if (handler_ && delivery.attached > 0) {
    delivered_attached_ = delivery.attached;
    delivered_next_ = delivery.next;
  }
  try {
    for (const auto& [reason, gap] : delivery.gaps)
      if (handler_) handler_->on_gap(gap, reason);
    if (observation && handler_) handler_->on_observation(std::move(*observation));
    if (delivery.end && handler_) handler_->on_end();
    if (delivery.closed && handler_) handler_->on_closed();
  } catch (const std::exception& e) {
    log::error("link from '{}', {}: its handler failed: {}", from_, to_string(id_), e.what());
  }
}

IncomingChannel::Told IncomingChannel::due(bool at_once) {
  const auto credit = order_.due(at_once);
  if (!credit || !link_) return {};
  wire::Credit message;
  message.set_channel(channel_);
  message.set_attachment(attachment_);
  message.set_next(credit->next);
  message.set_allowed(credit->allowed);
  return {link_, pack(MessageType::kCredit, message)};
}

void IncomingChannel::tell(Told told) {
  if (told.link) told.link->send(std::move(told.message));
}

void IncomingChannel::flush() {
  Told credit;
  {
    const std::lock_guard lock(mutex_);
    credit = due(true);
  }
  tell(std::move(credit));
}

void IncomingChannel::grant(size_t places) {
  Told credit;
  {
    const std::lock_guard lock(mutex_);
    order_.grant(places);
    credit = due();
  }
  tell(std::move(credit));
}

void IncomingChannel::silence() {
  uint32_t delivered_attached = 0;
  uint64_t delivered_next = 0;
  {
    const std::lock_guard lock(delivery_mutex_);
    handler_ = nullptr;
    delivered_attached = delivered_attached_;
    delivered_next = delivered_next_;
  }
  std::shared_ptr<IncomingLink> last;
  wire::Credit credit;
  wire::Detach message;
  {
    const std::lock_guard lock(mutex_);
    silenced_ = true;
    last = std::move(link_);
    message.set_channel(channel_);
    credit.set_channel(channel_);
    credit.set_attachment(attachment_);
    credit.set_next(attached_ == delivered_attached ? delivered_next : 0);
    order_.detach();
  }
  if (!last) return;
  // What was handed on must not come once more to whoever opens the channel next.
  if (credit.next() > 0) last->send(pack(MessageType::kCredit, credit));
  last->send(pack(MessageType::kDetach, message));
}

IncomingChannelStatus IncomingChannel::status() const {
  const std::lock_guard lock(mutex_);
  IncomingChannelStatus s;
  s.id = id_;
  s.peer = from_;
  s.state = order_.ended() ? "ended" : link_ ? "flowing" : "connecting";
  s.received = received_;
  s.duplicates = duplicates_;
  s.bytes = bytes_;
  s.gaps = gaps_;
  s.credits = order_.places();
  s.transfer = transfer_.snapshot();
  s.receive = receive_.snapshot();
  return s;
}

std::shared_ptr<IncomingChannel> ReceiverRegistry::add(const std::shared_ptr<IncomingChannel>& channel) {
  const std::lock_guard lock(mutex_);
  auto& place = channels_[{channel->from(), channel->id()}];
  auto before = std::exchange(place, channel);
  return before;
}

void ReceiverRegistry::remove(const IncomingChannel& channel) {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find({channel.from(), channel.id()});
  if (found != channels_.end() && found->second.get() == &channel) channels_.erase(found);
}

std::shared_ptr<IncomingChannel> ReceiverRegistry::find(const std::string& from, const ChannelId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find({from, id});
  return found == channels_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<IncomingChannel>> ReceiverRegistry::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<IncomingChannel>> list;
  for (const auto& [key, channel] : channels_) list.push_back(channel);
  return list;
}

}  // namespace vedette::link
