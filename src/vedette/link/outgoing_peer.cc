#include "vedette/link/outgoing_peer.h"

#include <observation.pb.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "vedette/base/log.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {
namespace {

MonotonicTime from_ns(int64_t ns) { return MonotonicTime{Duration{ns}}; }
int64_t to_ns(MonotonicTime t) { return t.time_since_epoch().count(); }
MonotonicTime system_now() { return Clock::system().monotonic(); }

media::BackoffOptions backoff_options(const EndpointOptions& options) {
  media::BackoffOptions b;
  b.initial_seconds = to_seconds(options.reconnect_first);
  b.max_seconds = std::max(b.initial_seconds, to_seconds(options.reconnect_most));
  return b;
}

/// Closing a connection because another address is to be tried is nobody's business.
constexpr const char* kOtherNode = "another node answers there";

}  // namespace

OutgoingPeer::OutgoingPeer(std::shared_ptr<Context> context, std::string name)
    : context_(std::move(context)),
      name_(std::move(name)),
      backoff_(backoff_options(context_->options), std::hash<std::string>{}(name_) ^ context_->epoch) {
  status_.name = name_;
  status_.outgoing = true;
}

void OutgoingPeer::set_addresses(const std::vector<std::string>& addresses) {
  std::vector<Address> usable;
  std::string fault;
  for (const std::string& text : addresses) {
    try {
      Address address = parse_address(text);
      const std::string why =
          why_not_allowed(address, context_->client_tls != nullptr, !context_->options.token.empty());
      if (why.empty()) {
        usable.push_back(std::move(address));
      } else {
        fault = why;
      }
    } catch (const Error& e) {
      fault = e.line();
    }
  }
  std::stable_partition(usable.begin(), usable.end(), [](const Address& a) { return a.is_unix(); });
  if (!fault.empty()) context_->warn_rarely("address " + name_, "link to '" + name_ + "': " + fault + "; passed over");
  {
    const std::lock_guard lock(mutex_);
    addresses_ = std::move(usable);
    if (!fault.empty()) status_.last_error = fault;
  }
  context_->loop.post([self = shared_from_this()] {
    bool may_try = false;
    {
      const std::lock_guard lock(self->mutex_);
      may_try = self->state_ == State::kIdle || self->state_ == State::kWaiting;
    }
    if (!may_try) return;
    self->round_.clear();
    self->dial_next();
  });
}

void OutgoingPeer::dial_next() {
  {
    const std::lock_guard lock(mutex_);
    if (channels_.empty()) {
      state_ = State::kIdle;
      return;
    }
    if (round_.empty()) round_ = addresses_;
    if (round_.empty()) {
      state_ = State::kIdle;
      return;
    }
    state_ = State::kConnecting;
  }
  const Address address = round_.front();
  round_.erase(round_.begin());
  if (address.is_unix() || address.is_numeric()) return dial(address, address.host);
  resolver_.look_up(address.host, [self = weak_from_this(), loop = &context_->loop, address](const std::string& ip,
                                                                                             const std::string& why) {
    loop->post([self, address, ip, why] {
      const auto peer = self.lock();
      if (!peer) return;
      ip.empty() ? peer->try_failed(why) : peer->dial(address, ip);
    });
  });
}

void OutgoingPeer::dial(const Address& address, const std::string& host_ip) {
  try {
    auto connection = std::make_shared<Connection>(context_, start_connecting(address, host_ip), shared_from_this());
    {
      const std::lock_guard lock(mutex_);
      connection_ = connection;
      status_.address = address.text();
    }
    const bool tls = !address.is_unix() && context_->client_tls;
    connection->open(true, tls ? Connection::Tls::kClient : Connection::Tls::kNone, address.host);
  } catch (const Error& e) {
    {
      const std::lock_guard lock(mutex_);
      connection_.reset();
    }
    try_failed(e.line());
  }
}

void OutgoingPeer::try_failed(const std::string& why) {
  if (!round_.empty()) {
    const std::lock_guard lock(mutex_);
    if (why != kOtherNode) status_.last_error = why;
  }
  if (!round_.empty()) return dial_next();
  const Duration wait = backoff_.failed(system_now());
  try_at_ = system_now() + wait;
  bool wanted = false;
  std::string address;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kWaiting;
    status_.last_error = why;
    wanted = !channels_.empty();
    address = status_.address;
  }
  if (wanted)
    context_->warn_rarely("dial " + name_, "link to '" + name_ + "' (" + address + "): " + why + "; trying again");
  context_->loop.wake_by(try_at_);
}

void OutgoingPeer::on_connected(Connection& connection) {
  wire::Hello hello;
  hello.set_node(context_->options.node);
  hello.set_to(name_);
  hello.set_major(kProtocolMajor);
  hello.set_minor(kProtocolMinor);
  hello.set_software(context_->options.software);
  hello.set_token(context_->options.token);
  hello.set_epoch(context_->epoch);
  hello_sent_ = context_->now();
  hello.set_sent_ns(to_ns(hello_sent_));
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kGreeting;
    hello.set_shared_memory(status_.address.starts_with("unix:") && context_->options.shared_memory_bytes > 0);
  }
  connection.send(pack(MessageType::kHello, hello));
}

void OutgoingPeer::on_control(Connection& connection, MessageType type, std::span<const uint8_t> header) {
  Channels to_notify;
  switch (type) {
    case MessageType::kWelcome: welcome(connection, header); break;
    case MessageType::kRefusal: {
      wire::Refusal refusal;
      unpack(header, refusal);
      if (refusal.code() == wire::Refusal::OTHER_NODE) return connection.close(kOtherNode);
      return connection.close("refused: " + refusal.reason().substr(0, 256));
    }
    case MessageType::kSharedMemoryAnswer: {
      wire::SharedMemoryAnswer answer;
      unpack(header, answer);
      const std::lock_guard lock(mutex_);
      if (!writing_ || !writing_->shared) break;
      writing_->shared->passed();
      writing_->shared_accepted = status_.shared_memory = answer.mapped();
      break;
    }
    case MessageType::kAttach: {
      wire::Attach attach;
      unpack(header, attach);
      const std::lock_guard lock(mutex_);
      const auto channel = find(attach.channel());
      if (!channel) break;  // closed in the meantime
      const auto next = attach.resumes() ? std::optional<uint64_t>(attach.next()) : std::nullopt;
      if (!channel->queue.attach(next, attach.allowed()))
        throw ProtocolError("it has received what was never sent on " + to_string(channel->id));
      channel->attachment = attach.attachment();
      channel->receiver_left = false;
      prepare(channel);
      collect_notices(to_notify);
      break;
    }
    case MessageType::kCredit: {
      wire::Credit credit;
      unpack(header, credit);
      const std::lock_guard lock(mutex_);
      const auto channel = find(credit.channel());
      if (!channel || channel->attachment != credit.attachment()) break;
      if (!channel->queue.acknowledge(credit.next(), credit.allowed()))
        throw ProtocolError("it acknowledges what was not sent on " + to_string(channel->id));
      collect_notices(to_notify);
      break;
    }
    case MessageType::kDetach: {
      wire::Detach detach;
      unpack(header, detach);
      const std::lock_guard lock(mutex_);
      const auto channel = find(detach.channel());
      if (!channel) break;
      channel->queue.detach(context_->now());
      channel->receiver_left = true;
      if (channel->parted) channel->queue.forget(GapReason::kUnreachable);
      break;
    }
    default: throw ProtocolError("a message that only a dialler sends");
  }
  notify(to_notify);
}

void OutgoingPeer::welcome(Connection& connection, std::span<const uint8_t> header) {
  const MonotonicTime received = context_->now();
  wire::Welcome welcome;
  unpack(header, welcome);
  if (welcome.major() != kProtocolMajor)
    return connection.close("node '" + welcome.node().substr(0, 64) + "' speaks link protocol " +
                            std::to_string(welcome.major()) + ", this one " + std::to_string(kProtocolMajor) +
                            ": upgrade the older of the two");
  if (welcome.node() != name_) return connection.close(kOtherNode);
  connection.add_clock(hello_sent_, from_ns(welcome.hello_received_ns()), from_ns(welcome.sent_ns()), received);
  wire::Ready ready;
  ready.set_welcome_sent_ns(welcome.sent_ns());
  ready.set_welcome_received_ns(to_ns(received));
  ready.set_sent_ns(to_ns(context_->now()));
  connection.send(pack(MessageType::kReady, ready));
  connection.ready();
  backoff_.connected(system_now());
  Channels opening;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kReady;
    status_.software = welcome.software().substr(0, 64);
    status_.shared_memory = false;
    writing_ = std::make_shared<Writing>();
    writing_->max_message_bytes = std::min<size_t>(context_->options.max_message_bytes, welcome.max_message_bytes());
    bytes_per_second_ = 0;
    opening = channels_;
    for (const auto& channel : opening) channel->number = ++last_number_;
  }
  if (welcome.shared_memory() && status_.address.starts_with("unix:")) offer_shared_memory(connection);
  for (const auto& channel : opening) open_channel(connection, *channel);
  log::info("link to '{}' is up ({})", name_, status_.address);
}

void OutgoingPeer::offer_shared_memory(Connection& connection) {
  if (!context_->arena) return;
  std::unique_ptr<SharedWriter> shared;
  try {
    shared = std::make_unique<SharedWriter>(context_->arena);
  } catch (const Error& e) {
    log::warn("link to '{}' goes without shared memory: {}", name_, e.line());
    return;
  }
  wire::SharedMemory offer;
  offer.set_bytes(context_->arena->size_bytes());
  offer.set_leases(kLeases);
  const std::vector<int> files = shared->files();
  {
    const std::lock_guard lock(mutex_);
    writing_->shared = std::move(shared);
  }
  connection.send(pack(MessageType::kSharedMemory, offer), files);
}

void OutgoingPeer::open_channel(Connection& connection, OutgoingChannel& channel) {
  wire::Open open;
  open.set_channel(channel.number);
  open.set_producer(channel.id.producer);
  open.set_stream(channel.id.stream);
  open.set_instance(channel.instance);
  open.set_capacity(static_cast<uint32_t>(channel.options.capacity));
  connection.send(pack(MessageType::kOpen, open));
}

void OutgoingPeer::on_closed(Connection& connection, const std::string& why) {
  const Connection::Status last = connection.status();
  Channels to_notify;
  bool was_ready = false;
  {
    const std::lock_guard lock(mutex_);
    if (connection_.get() != &connection) return;
    was_ready = state_ == State::kReady;
    connection_.reset();
    if (writing_ && writing_->shared) lent_.push_back(std::move(writing_));
    writing_.reset();
    status_.shared_memory = false;
    bytes_sent_before_ += last.bytes_sent;
    bytes_received_before_ += last.bytes_received;
    if (was_ready) ++status_.reconnects;
    for (const auto& channel : channels_) {
      channel->queue.detach(context_->now());
      channel->number = 0;
    }
    collect_notices(to_notify);
    state_ = State::kWaiting;
  }
  if (was_ready) round_.clear();
  if (!why.empty()) try_failed(why);
  notify(to_notify);
}

MonotonicTime OutgoingPeer::tick(MonotonicTime now) {
  std::shared_ptr<Connection> connection;
  State state{};
  bool no_channels = false;
  Channels to_notify;
  MonotonicTime next = MonotonicTime::max();
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
    state = state_;
    no_channels = channels_.empty();
    // Whoever was in the middle of a message may still use the last one.
    std::erase_if(lent_, [](const auto& writing) { return writing.use_count() == 1 && !writing->shared->in_use(); });
    const MonotonicTime clock_now = context_->now();
    for (const auto& channel : channels_) {
      channel->queue.expire(clock_now);
      const MonotonicTime at = channel->queue.next_expiry();
      if (at != MonotonicTime::max()) next = std::min(next, now + std::max(Duration{1'000'000}, at - clock_now));
    }
    collect_notices(to_notify);
  }
  notify(to_notify);
  if (connection && no_channels && state == State::kReady) {
    connection->close("");
    return next;
  }
  if (connection) next = std::min(next, connection->tick(now));
  if (connection && state == State::kReady) {
    connection->pump();
    const Connection::Status s = connection->status();
    const std::lock_guard lock(mutex_);
    bytes_per_second_ = s.bytes_per_second_out;
    form_.decoding_costs(s.peer_decode_ns_per_pixel);
  }
  if (state == State::kWaiting) {
    if (now >= try_at_) {
      round_.clear();
      dial_next();
    } else {
      next = std::min(next, try_at_);
    }
  }
  return next;
}

void OutgoingPeer::shut_down() {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
    addresses_.clear();
  }
  round_.clear();
  if (connection) connection->close("");
}

}  // namespace vedette::link
