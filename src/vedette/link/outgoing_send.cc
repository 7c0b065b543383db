// What goes out on a connection to a peer: the form of its pictures, their encoding, and whose turn it is.
#include <observation.pb.h>

#include <utility>

#include "vedette/base/log.h"
#include "vedette/link/outgoing_peer.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {
namespace {

/// A JPEG that was there already says nothing of what encoding costs.
constexpr std::chrono::microseconds kLeastEncoding{50};

void write_gaps(const GapCounts& gaps, wire::Mark& mark) {
  for (size_t i = 0; i < kGapReasons; ++i) {
    if (gaps.by_reason[i] == 0) continue;
    wire::Gap& gap = *mark.add_gaps();
    gap.set_reason(std::string(to_string(static_cast<GapReason>(i))));
    gap.set_count(gaps.by_reason[i]);
  }
}

}  // namespace

bool OutgoingPeer::choose_jpeg(const OutgoingChannel& channel, const Frame& frame) const {
  const bool crops_alone = !channel.options.pixels || (!frame.picture && !frame.jpeg);
  if (channel.options.form == PictureForm::kJpeg) return true;
  if (!crops_alone && !frame.picture) return true;
  if (channel.options.form == PictureForm::kRaw || crops_alone) return false;
  if (writing_ && writing_->shared_accepted) return false;
  FormChoice::Picture picture;
  picture.pixels = static_cast<size_t>(frame.picture->width()) * static_cast<size_t>(frame.picture->height());
  picture.raw_bytes = frame.picture->size_bytes();
  picture.jpeg_bytes = frame.jpeg ? frame.jpeg->size() : 0;
  return !form_.raw_is_faster(picture, bytes_per_second_);
}

void OutgoingPeer::prepare(const std::shared_ptr<OutgoingChannel>& channel) {
  channel->queue.each_unsent([&](uint64_t number, SendQueue::Item& item) {
    if (item.prepared) return;
    item.prepared = true;
    const Observation& observation = item.observation;
    item.jpeg = choose_jpeg(*channel, observation.frame());
    if (!item.jpeg) return;
    bool work = channel->options.pixels && observation.frame().picture && !observation.frame().jpeg;
    if (channel->options.crops)
      for (const Object& object : observation.objects()) work = work || object.crop;
    if (!work) return;
    item.ready = false;
    encode_later(channel, number, observation);
  });
}

void OutgoingPeer::encode_later(const std::shared_ptr<OutgoingChannel>& channel, uint64_t number,
                                const Observation& observation) {
  context_->workers.post([weak = weak_from_this(), channel, number, observation] {
    if (const auto self = weak.lock()) self->encode(channel, number, observation);
  });
}

void OutgoingPeer::encode(const std::shared_ptr<OutgoingChannel>& channel, uint64_t number,
                          const Observation& observation) {
  const MonotonicTime began = Clock::system().monotonic();
  const SenderOptions& options = channel->options;
  std::vector<std::shared_ptr<const Bytes>> crops;
  size_t jpeg_bytes = 0, pixels = 0;
  Duration took{0};
  bool failed = false;
  try {
    const Frame& frame = observation.frame();
    if (options.pixels && frame.picture && !frame.jpeg) {
      jpeg_bytes = media::jpeg_of(frame, options.jpeg_quality)->size();
      pixels = static_cast<size_t>(frame.picture->width()) * static_cast<size_t>(frame.picture->height());
      took = Clock::system().monotonic() - began;
    }
    for (size_t i = 0; options.crops && i < observation.objects().size(); ++i) {
      const auto& crop = observation.objects()[i].crop;
      if (!crop) continue;
      crops.resize(observation.objects().size());
      crops[i] = std::make_shared<const Bytes>(media::encode_jpeg(*crop, options.jpeg_quality));
    }
  } catch (const Error& e) {
    failed = true;
    context_->warn_rarely("encode " + to_string(channel->id),
                          "link to '" + name_ + "', " + to_string(channel->id) + ": " + e.line());
  }
  const Duration all = Clock::system().monotonic() - began;
  Channels to_notify;
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    if (took > kLeastEncoding) form_.encoded(pixels, took, jpeg_bytes);
    channel->serialise.record(all);
    if (SendQueue::Item* item = channel->queue.find_unsent(number)) {
      item->ready = true;
      item->crop_jpegs = std::move(crops);
      if (failed) channel->queue.let_go(number, GapReason::kEncodeFailed);
    }
    collect_notices(to_notify);
    if (state_ == State::kReady) connection = connection_;
  }
  if (connection) connection->pump();
  notify(to_notify);
}

bool OutgoingPeer::next_message(Connection& connection, OutgoingMessage& message) {
  for (;;) {
    std::shared_ptr<OutgoingChannel> channel;
    std::shared_ptr<Writing> writing;
    std::optional<SendQueue::Next> next;
    ObservationEncoder::Plan plan;
    {
      const std::lock_guard lock(mutex_);
      if (connection_.get() != &connection || !writing_) return false;
      plan.now = context_->now();
      for (size_t i = 0; i < channels_.size() && !next; ++i) {
        channel = channels_[(turn_ + i) % channels_.size()];
        next = channel->queue.next(plan.now);
        if (next) turn_ = (turn_ + i + 1) % channels_.size();
      }
      if (!next) return false;
      writing = writing_;
      plan.channel = channel->number;
      plan.attachment = channel->attachment;
      plan.shared = writing->shared_accepted ? writing->shared.get() : nullptr;
    }
    if (next->kind != SendQueue::Next::Kind::kObservation) {
      wire::Mark mark;
      mark.set_channel(plan.channel);
      mark.set_attachment(plan.attachment);
      mark.set_number(next->number);
      mark.set_end(next->kind == SendQueue::Next::Kind::kEnd);
      write_gaps(next->gaps, mark);
      message.head = pack(MessageType::kMark, mark);
      return true;
    }
    const SendQueue::Item& item = *next->item;
    plan.number = next->number;
    plan.gaps = next->gaps;
    plan.pixels = channel->options.pixels;
    plan.crops = channel->options.crops;
    plan.jpeg = item.jpeg;
    plan.jpeg_quality = channel->options.jpeg_quality;
    plan.crop_jpegs = item.crop_jpegs.empty() ? nullptr : &item.crop_jpegs;
    plan.max_message_bytes = writing->max_message_bytes;
    const auto made = writing->encoder.encode(item.observation, plan, message);
    const MonotonicTime now = context_->now();
    Channels to_notify;
    {
      const std::lock_guard lock(mutex_);
      if (!made) {
        channel->queue.take_back(next->number, GapReason::kTooLarge);
        collect_notices(to_notify);
      } else {
        ++(next->again ? channel->resent : channel->sent);
        channel->bytes += message.head.size() + message.body_bytes() + made->shared_bytes;
        channel->sent_raw += made->raw && made->shared_bytes == 0 ? 1 : 0;
        channel->sent_jpeg += made->jpeg ? 1 : 0;
        channel->sent_shared += made->shared_bytes > 0 ? 1 : 0;
        status_.bytes_shared += made->shared_bytes;
      }
    }
    if (!made) {
      context_->warn_rarely("large " + to_string(channel->id), "link to '" + name_ + "', " + to_string(channel->id) +
                                                                   ": an observation is larger than the " +
                                                                   std::to_string(plan.max_message_bytes) +
                                                                   " bytes that the peer takes; left out");
      message.clear();
      notify(to_notify);
      continue;
    }
    if (!item.jpeg || item.crop_jpegs.empty()) channel->serialise.record(now - plan.now);
    channel->wait.record(plan.now - item.accepted);
    message.keep.push_back(next->item);
    message.keep.push_back(channel);
    message.channel = channel.get();
    if (context_->options.traces && item.observation.frame().trace) {
      message.traced = item.observation.shared_frame();
      context_->trace(*message.traced, TraceSpan::Kind::kSerialise, "to " + name_, channel->id.producer,
                      now - plan.now);
    }
    return true;
  }
}

void OutgoingPeer::on_written(const OutgoingMessage& message, MonotonicTime began, MonotonicTime ended) {
  if (!message.channel) return;
  message.channel->send.record(ended - began);
  if (message.traced)
    context_->trace(*message.traced, TraceSpan::Kind::kSend, "to " + name_, message.channel->id.producer,
                    ended - began);
}

std::span<const std::span<uint8_t>> OutgoingPeer::begin_observation(Connection&, std::span<const uint8_t>, size_t) {
  throw ProtocolError("an observation from the listening side");
}

void OutgoingPeer::end_observation(Connection&) {}

}  // namespace vedette::link
