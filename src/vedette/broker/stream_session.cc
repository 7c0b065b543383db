#include "vedette/broker/stream_session.h"

#include <algorithm>

#include "broker.pb.h"
#include "vedette/base/log.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/broker/stream_server.h"
#include "vedette/link/wire.h"

namespace vedette::broker {
namespace {

constexpr size_t kMostOpen = 1024;
/// A client that holds more segments than this gets copies.
constexpr size_t kMostPins = 6;
constexpr size_t kWasteBytes = size_t{1} << 20;
/// After the connection broke the client may still look at its frames for so long.
constexpr Duration kParting = std::chrono::seconds(5);

}  // namespace

StreamSession::StreamSession(std::shared_ptr<link::Context> context, Core& core, std::string from, bool is_unix)
    : context_(std::move(context)),
      core_(core),
      from_(std::move(from)),
      is_unix_(is_unix),
      incoming_(std::make_unique<v1::StreamHead>()) {}

StreamSession::~StreamSession() = default;

void StreamSession::open(std::unique_ptr<link::Socket> socket, bool tls) {
  connection_ = std::make_shared<link::Connection>(context_, std::move(socket), shared_from_this());
  connection_->open(false, tls ? link::Connection::Tls::kServer : link::Connection::Tls::kNone);
}

MonotonicTime StreamSession::tick(MonotonicTime system_now) {
  if (!closed_) return connection_->tick(system_now);
  return finished(system_now) ? MonotonicTime::max() : closed_at_ + kParting;
}

void StreamSession::close(const std::string& why) {
  if (connection_) connection_->close(why);
}

bool StreamSession::finished(MonotonicTime system_now) const { return closed_ && system_now >= closed_at_ + kParting; }

void StreamSession::answer(const v1::StreamHead& head) {
  connection_->send(link::pack(link::MessageType::kOpen, head));
}

void StreamSession::fault(uint64_t id, const Error& error) {
  v1::StreamHead head;
  head.set_id(id);
  const grpc::Status status = status_of(error);
  head.mutable_fault()->set_code(static_cast<uint32_t>(status.error_code()));
  head.mutable_fault()->set_line(status.error_message());
  answer(head);
}

void StreamSession::hello(link::Connection& connection, std::span<const uint8_t> header) {
  v1::StreamHead head;
  link::unpack(header, head);
  if (greeted_ || !head.has_hello()) throw link::ProtocolError("a greeting was expected");
  try {
    who_ = core_.session_owner(head.hello().session());
  } catch (const Error& e) {
    v1::StreamHead refusal;
    refusal.mutable_fault()->set_code(static_cast<uint32_t>(grpc::StatusCode::UNAUTHENTICATED));
    refusal.mutable_fault()->set_line(e.line());
    connection.send(link::pack(link::MessageType::kRefusal, refusal));
    return connection.close(e.line());
  }
  greeted_ = true;
  takes_lanes_ = is_unix_ && head.hello().takes_lanes();
  v1::StreamHead welcome;
  welcome.mutable_welcome();
  connection.send(link::pack(link::MessageType::kWelcome, welcome));
  connection.ready();
}

void StreamSession::on_control(link::Connection& connection, link::MessageType type, std::span<const uint8_t> header) {
  if (type == link::MessageType::kHello) return hello(connection, header);
  if (!greeted_ || type != link::MessageType::kOpen) throw link::ProtocolError("a message that clients do not send");
  v1::StreamHead head;
  link::unpack(header, head);
  try {
    handle(head);
  } catch (const link::ProtocolError&) {
    throw;
  } catch (const Error& e) {
    if (head.has_frame()) publications_.erase(head.id());
    if (head.has_open()) end_publication(head.id());
    fault(head.id(), e);
  }
}

void StreamSession::handle(const v1::StreamHead& head) {
  const auto subscription_of = [&]() -> std::shared_ptr<Subscription> {
    const std::lock_guard lock(mutex_);
    const auto found = subscriptions_.find(head.id());
    return found == subscriptions_.end() ? nullptr : found->second.subscription;
  };
  switch (head.message_case()) {
    case v1::StreamHead::kOpen: return open(head.id(), head.open());
    case v1::StreamHead::kFrame: return take_shared(head);
    case v1::StreamHead::kClose: {
      v1::StreamHead closed;
      closed.set_id(head.id());
      auto& summary = *closed.mutable_closed();
      if (const auto found = publications_.find(head.id()); found != publications_.end()) {
        summary.set_frames(found->second->frames());
        summary.set_bytes(found->second->bytes());
      }
      end_publication(head.id());
      return answer(closed);
    }
    case v1::StreamHead::kSubscribe: return subscribe(head.id(), head.subscribe());
    case v1::StreamHead::kUnsubscribe:
      if (const auto subscription = subscription_of()) subscription->finish(end_event(v1::End::UNSUBSCRIBED, ""));
      return;
    case v1::StreamHead::kTarget:
      if (const auto subscription = subscription_of())
        core_.set_target(subscription, head.target().latency_ms(), head.target().accuracy());
      return;
    case v1::StreamHead::kFeedback:
      if (const auto subscription = subscription_of()) core_.feedback(*subscription, head.feedback());
      return;
    case v1::StreamHead::kRelease: {
      const std::lock_guard lock(mutex_);
      const auto found = pins_.find(head.release().segment());
      // Frames on their way are counted, and pinned before too: a release that crosses one must not let go of it.
      if (found != pins_.end() && passed_[found->first] <= head.release().frames()) pins_.erase(found);
      return;
    }
    case v1::StreamHead::kCredit: {
      {
        const std::lock_guard lock(mutex_);
        const auto found = subscriptions_.find(head.id());
        if (found == subscriptions_.end()) return;
        found->second.credit = std::max(found->second.credit, head.credit());
      }
      return connection_->pump();
    }
    case v1::StreamHead::kOffer: return offer(head.id(), head.offer());
    default: throw link::ProtocolError("a message that clients do not send");
  }
}

void StreamSession::open(uint64_t id, const v1::PublishOpen& request) {
  if (publications_.size() >= kMostOpen || publications_.contains(id))
    throw link::ProtocolError("a publication that cannot be opened");
  auto publication = core_.publish(who_, request);
  const auto stats = publication->feed().log()->stats();
  if (const auto found = offered_.find(id); found != offered_.end()) publication->set_lane(found->second.lane);
  publications_[id] = std::move(publication);
  v1::StreamHead opened;
  opened.set_id(id);
  opened.mutable_opened()->set_next_sequence(stats.next_sequence);
  if (stats.newest) opened.mutable_opened()->set_newest_ns(stats.newest->time_since_epoch().count());
  answer(opened);
}

void StreamSession::offer(uint64_t id, const v1::OfferMemory& about) {
  auto files = connection_->take_descriptors();
  const bool with_lane = id != 0 && files.size() == 5;
  if (!is_unix_ || (!with_lane && files.size() != 3)) throw link::ProtocolError("memory without its files");
  if (offered_.size() > kMostOpen || publications_.contains(id)) throw link::ProtocolError("memory for nothing");
  Offered offered;
  offered.memory = std::make_shared<link::SharedReader>(std::move(files[0]), std::move(files[1]), std::move(files[2]),
                                                        about.bytes(), about.leases());
  if (with_lane)
    offered.lane = std::make_shared<const Lane>(Lane{offered.memory, std::move(files[3]), std::move(files[4])});
  offered_[id] = std::move(offered);
}

void StreamSession::end_publication(uint64_t id) {
  publications_.erase(id);
  if (id != 0) offered_.erase(id);
}

void StreamSession::subscribe(uint64_t id, const v1::SubscribeRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    if (subscriptions_.size() >= kMostOpen || subscriptions_.contains(id))
      throw link::ProtocolError("a subscription that cannot be opened");
  }
  v1::StreamHead started;
  started.set_id(id);
  auto& about = *started.mutable_event()->mutable_started();
  *about.mutable_camera() = core_.camera(who_, request.camera());
  *about.mutable_clock() = about.camera().clock();
  auto subscription = core_.subscribe(who_, request, [weak = std::weak_ptr(connection_)] {
    if (const auto connection = weak.lock()) connection->pump();
  });
  about.set_subscription(subscription->options().id);
  answer(started);
  {
    const std::lock_guard lock(mutex_);
    subscriptions_[id] = {.subscription = std::move(subscription), .credit = kFirstCredit};
  }
  connection_->pump();
}

void StreamSession::take_shared(const v1::StreamHead& head) {
  const auto& shared = head.frame().shared();
  const auto found = publications_.find(head.id());
  const bool refused = found == publications_.end();
  auto offered = offered_.find(head.id());
  if (offered == offered_.end()) offered = offered_.find(0);
  if (offered == offered_.end()) throw link::ProtocolError("a frame in memory that was not offered");
  const auto memory = offered->second.memory;
  const auto lease = memory->hold(static_cast<uint32_t>(shared.segment()));
  if (refused) return;
  const auto info = from_head(head.frame());
  const auto room = found->second->reserve(shared.bytes());
  const uint8_t* from = memory->at(shared.offset(), shared.bytes());
  std::copy_n(reinterpret_cast<const std::byte*>(from), shared.bytes(), room.begin());
  found->second->commit(info, shared.bytes());
}

std::span<const std::span<uint8_t>> StreamSession::begin_observation(link::Connection&, std::span<const uint8_t> header,
                                                                     size_t body_bytes) {
  link::unpack(header, *incoming_);
  if (!incoming_->has_frame()) throw link::ProtocolError("bytes without a frame");
  into_.clear();
  incoming_bytes_ = body_bytes;
  incoming_id_ = incoming_->id();
  try {
    if (const auto found = publications_.find(incoming_id_); found != publications_.end()) {
      const auto room = found->second->reserve(body_bytes);
      into_.emplace_back(reinterpret_cast<uint8_t*>(room.data()), body_bytes);
      return into_;
    }
  } catch (const Error& e) {
    publications_.erase(incoming_id_);
    fault(incoming_id_, e);
  }
  // It is read and forgotten: the messages behind it are good.
  incoming_id_ = 0;
  waste_.resize(kWasteBytes);
  for (size_t left = body_bytes; left > 0;) {
    const size_t here = std::min(left, waste_.size());
    into_.emplace_back(waste_.data(), here);
    left -= here;
  }
  return into_;
}

void StreamSession::end_observation(link::Connection&) {
  const auto found = publications_.find(incoming_id_);
  if (incoming_id_ == 0 || found == publications_.end()) return;
  try {
    found->second->commit(from_head(incoming_->frame()), incoming_bytes_);
  } catch (const Error& e) {
    publications_.erase(incoming_id_);
    fault(incoming_id_, e);
  }
}

bool StreamSession::share(const Subscription& subscription, const framelog::FrameRef& frame, v1::StreamHead& head,
                          link::OutgoingMessage& message) {
  const auto& memory = frame.memory();
  if (!is_unix_ || !subscription.options().may_share_memory || memory.file() < 0) return false;
  if (pins_.size() >= kMostPins && !pins_.contains(memory.id())) return false;
  pins_[memory.id()] = frame.segment();
  auto& shared = *head.mutable_frame()->mutable_shared();
  shared.set_segment(memory.id());
  shared.set_offset(frame.offset_bytes());
  shared.set_bytes(frame.size_bytes());
  if (passed_[memory.id()]++ == 0) {
    shared.set_map_bytes(memory.size_bytes());
    message.descriptors = {memory.file()};
  }
  message.head = link::pack(link::MessageType::kOpen, head);
  return true;
}

/// Passes the lane if it changed, else takes note of what came by it.
bool StreamSession::pass_lane(uint64_t id, Subscribed& to, link::OutgoingMessage& message) {
  if (!takes_lanes_) return false;
  auto lane = to.subscription->lane();
  if (lane == to.lane) {
    if (lane && claims_) to.subscription->has_up_to(claims_->claimed(to.claim, to.pass));
    return false;
  }
  v1::StreamHead head;
  head.set_id(id);
  auto& pass = *head.mutable_lane();
  if (to.lane && claims_) {
    to.subscription->has_up_to(claims_->claimed(to.claim, to.pass));
    // Another feed, with a target, says nothing of what the lane's frames became.
    if (to.lane_of.lock() == to.subscription->feed()) pass.set_newest(to.subscription->has_at_most_what_is_kept());
  }
  to.lane_of = to.subscription->feed();
  if (lane) {
    try {
      if (!claims_) {
        claims_ = std::make_unique<LaneClaims>();
        for (uint32_t claim = 0; claim < LaneClaims::kMost; ++claim) free_claims_.insert(claim);
        pass.set_with_claims(true);
        message.descriptors = {claims_->file()};
      }
    } catch (const Error&) {
      takes_lanes_ = false;  // the system has no more memory to share
      return false;
    }
    if (to.claim == LaneClaims::kMost) {
      if (free_claims_.empty()) return false;  // as many as can be; the others are sent everything
      to.claim = *free_claims_.begin();
      free_claims_.erase(free_claims_.begin());
    }
    to.pass = ++last_pass_;
    pass.set_bytes(lane->memory->pictures().size_bytes());
    pass.set_pass(to.pass);
    pass.set_claim(to.claim);
    for (const int file : lane->files()) message.descriptors.push_back(file);
    message.keep.push_back(lane);
  }
  to.lane = std::move(lane);
  message.head = link::pack(link::MessageType::kOpen, head);
  return true;
}

bool StreamSession::next_message(link::Connection&, link::OutgoingMessage& message) {
  const std::lock_guard lock(mutex_);
  for (size_t tries = subscriptions_.size(); tries > 0; --tries) {
    auto at = subscriptions_.upper_bound(turn_);
    if (at == subscriptions_.end()) at = subscriptions_.begin();
    turn_ = at->first;
    const auto subscription = at->second.subscription;
    if (pass_lane(turn_, at->second, message)) return true;
    Subscription::Item item;
    if (at->second.sent >= at->second.credit && !subscription->stopped()) continue;
    v1::StreamHead head;
    head.set_id(turn_);
    try {
      if (!subscription->next(item)) continue;
    } catch (const Error& e) {
      item.notice = end_event(v1::End::CAMERA_GONE, e.line());
    }
    if (item.notice) {
      *head.mutable_event() = *item.notice;
      message.head = link::pack(link::MessageType::kOpen, head);
      if (item.notice->has_end()) {
        if (at->second.claim < LaneClaims::kMost) free_claims_.insert(at->second.claim);
        subscriptions_.erase(at);
        context_->loop.post([&core = core_, subscription] { core.drop(subscription); });
      }
      return true;
    }
    ++at->second.sent;
    to_head(item.frame->info(), item.came, *head.mutable_frame());
    if (share(*subscription, *item.frame, head, message)) return true;
    const auto bytes = item.frame->bytes();
    const size_t head_bytes = head.ByteSizeLong();
    message.head.resize(link::kPrefixBytes + head_bytes);
    link::write_prefix(std::span<uint8_t, link::kPrefixBytes>(message.head.data(), link::kPrefixBytes),
                       link::MessageType::kObservation, head_bytes, bytes.size(), link::kProtocolMajor);
    head.SerializeWithCachedSizesToArray(message.head.data() + link::kPrefixBytes);
    message.pieces.push_back({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    message.keep.push_back(std::make_shared<framelog::FrameRef>(std::move(*item.frame)));
    return true;
  }
  return false;
}

void StreamSession::on_closed(link::Connection&, const std::string& why) {
  closed_ = true;
  closed_at_ = Clock::system().monotonic();
  publications_.clear();
  offered_.clear();
  std::map<uint64_t, Subscribed> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(subscriptions_);
  }
  for (const auto& [id, subscribed] : ended) core_.drop(subscribed.subscription);
  if (!why.empty() && why != "closed by the peer")
    context_->warn_rarely("broker " + from_,
                          "broker: the stream of '" + who_.name + "' (" + from_ + ") is closed: " + why);
}

}  // namespace vedette::broker
