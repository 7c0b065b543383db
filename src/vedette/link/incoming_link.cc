#include "vedette/link/incoming_link.h"

#include <observation.pb.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "vedette/base/log.h"

namespace vedette::link {
namespace {

constexpr size_t kMostChannels = 4096;
constexpr size_t kMostNameBytes = 256;

MonotonicTime from_ns(int64_t ns) { return MonotonicTime{Duration{ns}}; }
int64_t to_ns(MonotonicTime t) { return t.time_since_epoch().count(); }

/// Takes as long whatever is wrong with it, its length apart.
bool same_token(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// What a peer calls itself, fit for a log line.
std::string printable(const std::string& text) {
  std::string safe = text.substr(0, 64);
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, '?');
  return safe;
}

}  // namespace

IncomingLink::IncomingLink(std::shared_ptr<Context> context, std::shared_ptr<ReceiverRegistry> receivers, Owner& owner,
                           std::string from, bool is_unix)
    : context_(std::move(context)),
      receivers_(std::move(receivers)),
      owner_(owner),
      from_(std::move(from)),
      is_unix_(is_unix),
      decoder_(context_->pool) {
  status_.outgoing = false;
  status_.address = from_;
}

void IncomingLink::open(std::unique_ptr<Socket> socket, bool tls) {
  auto connection = std::make_shared<Connection>(context_, std::move(socket), shared_from_this());
  {
    const std::lock_guard lock(mutex_);
    connection_ = connection;
  }
  connection->open(false, tls ? Connection::Tls::kServer : Connection::Tls::kNone);
}

void IncomingLink::on_connected(Connection&) {}

void IncomingLink::on_control(Connection& connection, MessageType type, std::span<const uint8_t> header) {
  if (type == MessageType::kHello) {
    if (!node_.empty()) throw ProtocolError("a second greeting");
    return hello(connection, header);
  }
  if (node_.empty()) throw ProtocolError("a message before the greeting");
  switch (type) {
    case MessageType::kReady: {
      if (std::exchange(ready_, true)) throw ProtocolError("a second greeting");
      wire::Ready ready;
      unpack(header, ready);
      connection.add_clock(welcome_sent_, from_ns(ready.welcome_received_ns()), from_ns(ready.sent_ns()),
                           context_->now());
      connection.ready();
      break;
    }
    case MessageType::kSharedMemory: map_shared_memory(connection, header); break;
    case MessageType::kOpen: {
      wire::Open open;
      unpack(header, open);
      if (opened_.size() >= kMostChannels || opened_.contains(open.channel()) ||
          open.producer().size() > kMostNameBytes || open.stream().size() > kMostNameBytes)
        throw ProtocolError("a channel that cannot be opened");
      Opened& opened = opened_[open.channel()];
      opened.id = {open.producer(), open.stream()};
      opened.opening = {open.channel(), open.instance(), open.capacity()};
      if (const auto receiver = receivers_->find(node_, opened.id)) attach(opened, receiver);
      break;
    }
    case MessageType::kClose: {
      wire::Close close;
      unpack(header, close);
      const auto found = opened_.find(close.channel());
      if (found == opened_.end()) break;
      if (found->second.receiver) found->second.receiver->detach(this, close.channel(), true);
      opened_.erase(found);
      break;
    }
    case MessageType::kMark: {
      wire::Mark mark;
      unpack(header, mark);
      std::vector<std::pair<std::string, uint64_t>> gaps;
      for (const wire::Gap& gap : mark.gaps()) gaps.emplace_back(gap.reason().substr(0, 32), gap.count());
      if (IncomingChannel* receiver = receiver_of(mark.channel(), mark.attachment()))
        receiver->marked(mark.number(), std::move(gaps), mark.end());
      break;
    }
    default: throw ProtocolError("a message that only a listener sends");
  }
}

void IncomingLink::hello(Connection& connection, std::span<const uint8_t> header) {
  const MonotonicTime received = context_->now();
  wire::Hello hello;
  unpack(header, hello);
  const std::string name = printable(hello.node());
  if (!same_token(hello.token(), context_->options.token))
    return refuse(connection, wire::Refusal::TOKEN, "node '" + name + "' has another fleet token");
  if (hello.major() != kProtocolMajor)
    return refuse(connection, wire::Refusal::VERSION,
                  "node '" + name + "' speaks link protocol " + std::to_string(hello.major()) + ", node '" +
                      context_->options.node + "' " + std::to_string(kProtocolMajor) +
                      ": upgrade the older of the two");
  if (!hello.to().empty() && hello.to() != context_->options.node)
    return refuse(connection, wire::Refusal::OTHER_NODE, "");
  if (hello.node().empty() || hello.node() != name) throw ProtocolError("a node without a proper name");
  node_ = name;
  epoch_ = hello.epoch();
  wire::Welcome welcome;
  welcome.set_node(context_->options.node);
  welcome.set_major(kProtocolMajor);
  welcome.set_minor(kProtocolMinor);
  welcome.set_software(context_->options.software);
  welcome.set_epoch(context_->epoch);
  welcome.set_max_message_bytes(context_->options.max_message_bytes);
  welcome.set_shared_memory(is_unix_ && hello.shared_memory() && context_->options.shared_memory_bytes > 0);
  welcome.set_hello_sent_ns(hello.sent_ns());
  welcome.set_hello_received_ns(to_ns(received));
  {
    const std::lock_guard lock(mutex_);
    status_.name = node_;
    status_.software = printable(hello.software());
  }
  owner_.on_hello(*this);
  welcome_sent_ = context_->now();
  welcome.set_sent_ns(to_ns(welcome_sent_));
  connection.send(pack(MessageType::kWelcome, welcome));
}

void IncomingLink::refuse(Connection& connection, int code, const std::string& why) {
  wire::Refusal refusal;
  refusal.set_code(static_cast<wire::Refusal::Code>(code));
  refusal.set_reason(why);
  refusal.set_node(context_->options.node);
  refusal.set_major(kProtocolMajor);
  connection.send(pack(MessageType::kRefusal, refusal));
  connection.close(why);
}

void IncomingLink::map_shared_memory(Connection& connection, std::span<const uint8_t> header) {
  wire::SharedMemory offer;
  unpack(header, offer);
  std::vector<Descriptor> files = connection.take_descriptors();
  wire::SharedMemoryAnswer answer;
  // Something in between that passes no descriptors is no fault: then pictures go through the socket.
  if (files.size() == 3) {
    decoder_.set_shared(std::make_shared<SharedReader>(std::move(files[0]), std::move(files[1]), std::move(files[2]),
                                                       offer.bytes(), offer.leases()));
    answer.set_mapped(true);
    const std::lock_guard lock(mutex_);
    status_.shared_memory = true;
  }
  connection.send(pack(MessageType::kSharedMemoryAnswer, answer));
}

void IncomingLink::attach(Opened& opened, const std::shared_ptr<IncomingChannel>& receiver) {
  opened.receiver = receiver;
  receiver->attach(shared_from_this(), opened.opening, ++opened.attachment);
}

void IncomingLink::offer(const std::shared_ptr<IncomingChannel>& channel) {
  // The newest one counts: a sender that took over has opened the channel once more.
  for (auto& [number, opened] : std::views::reverse(opened_)) {
    if (opened.id != channel->id()) continue;
    if (opened.receiver != channel) attach(opened, channel);
    return;
  }
}

IncomingChannel* IncomingLink::receiver_of(uint32_t channel, uint32_t attachment) {
  const auto found = opened_.find(channel);
  if (found == opened_.end() || found->second.attachment != attachment) return nullptr;
  IncomingChannel* receiver = found->second.receiver.get();
  return receiver && receiver->takes_from(this, channel) ? receiver : nullptr;
}

std::span<const std::span<uint8_t>> IncomingLink::begin_observation(Connection& connection,
                                                                    std::span<const uint8_t> header,
                                                                    size_t body_bytes) {
  return decoder_.begin(header, body_bytes, connection.peer_clock());
}

void IncomingLink::end_observation(Connection& connection) {
  ReceivedObservation received = decoder_.finish();
  const MonotonicTime now = context_->now();
  connection.add_speed(received.body_bytes, received.sent, now);
  if (IncomingChannel* receiver = receiver_of(received.channel, received.attachment))
    receiver->arrived(std::move(received), now);
}

void IncomingLink::on_closed(Connection& connection, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    const Connection::Status last = connection.status();
    status_.bytes_sent = last.bytes_sent;
    status_.bytes_received = last.bytes_received;
    status_.last_error = why;
    connection_.reset();
  }
  auto opened = std::exchange(opened_, {});
  for (auto& [number, channel] : opened)
    if (channel.receiver) channel.receiver->detach(this, number, false);
  if (!why.empty()) {
    if (!ready_) context_->refused.fetch_add(1);
    const std::string who = node_.empty() ? from_ : "'" + node_ + "' (" + from_ + ")";
    const std::string key = "in " + (node_.empty() ? from_.substr(0, from_.rfind(':')) : node_);
    context_->warn_rarely(key, "link from " + who + " is closed: " + why);
  }
  owner_.on_gone(*this);
}

void IncomingLink::close(const std::string& why) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
  }
  if (connection) connection->close(why);
}

MonotonicTime IncomingLink::tick(MonotonicTime system_now) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
  }
  if (!connection) return MonotonicTime::max();
  const MonotonicTime next = connection->tick(system_now);
  if (ready_)
    for (auto& [number, channel] : opened_)
      if (channel.receiver && channel.receiver->takes_from(this, number)) channel.receiver->flush();
  return next;
}

void IncomingLink::send(std::vector<uint8_t> message) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
  }
  if (connection) connection->send(std::move(message));
}

bool IncomingLink::next_message(Connection&, OutgoingMessage&) { return false; }
void IncomingLink::on_written(const OutgoingMessage&, MonotonicTime, MonotonicTime) {}

PeerStatus IncomingLink::status() const {
  const std::lock_guard lock(mutex_);
  PeerStatus s = status_;
  s.state = connection_ ? "ready" : "gone";
  if (!connection_) return s;
  const Connection::Status c = connection_->status();
  s.tls = c.tls;
  s.rtt_seconds = to_seconds(c.rtt);
  s.clock_offset_seconds = to_seconds(c.offset);
  s.bytes_per_second = c.bytes_per_second_in;
  s.bytes_sent = c.bytes_sent;
  s.bytes_received = c.bytes_received;
  return s;
}

}  // namespace vedette::link
