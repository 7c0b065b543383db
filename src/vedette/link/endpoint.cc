#include "vedette/link/endpoint.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/link/address.h"
#include "vedette/link/incoming_link.h"
#include "vedette/link/outgoing_peer.h"

namespace vedette::link {
namespace {

class SenderHandle final : public Sender {
 public:
  SenderHandle(std::shared_ptr<OutgoingPeer> peer, std::shared_ptr<OutgoingChannel> channel)
      : peer_(std::move(peer)), channel_(std::move(channel)) {}
  ~SenderHandle() override { shut(); }
  bool reserve() override { return peer_->reserve(*channel_); }
  void give_back() override { peer_->give_back(*channel_); }
  void send(Observation observation, bool reserved) override {
    peer_->send(channel_, std::move(observation), reserved);
  }
  void end() override { peer_->end(*channel_); }
  void part() override { peer_->part(*channel_); }
  bool drained() const override { return peer_->drained(*channel_); }
  void close() override { shut(); }

 private:
  void shut() {
    channel_->silence();
    peer_->close(*channel_);
  }
  const std::shared_ptr<OutgoingPeer> peer_;
  const std::shared_ptr<OutgoingChannel> channel_;
};

class ReceiverHandle final : public Receiver {
 public:
  ReceiverHandle(std::shared_ptr<ReceiverRegistry> registry, std::shared_ptr<IncomingChannel> channel)
      : registry_(std::move(registry)), channel_(std::move(channel)) {}
  ~ReceiverHandle() override {
    registry_->remove(*channel_);
    channel_->silence();
  }
  void grant(size_t places) override { channel_->grant(places); }

 private:
  const std::shared_ptr<ReceiverRegistry> registry_;
  const std::shared_ptr<IncomingChannel> channel_;
};

void check(const EndpointOptions& options) {
  if (options.node.empty() || options.node.size() > 64)
    throw Error(ErrorCode::kInvalidConfig, "a link endpoint needs a node name of 1 to 64 characters");
  for (const std::string& text : options.listen) {
    const std::string why = why_not_allowed(parse_address(text), !options.tls.empty(), !options.token.empty());
    if (!why.empty())
      throw Error(ErrorCode::kInvalidConfig, why, "name certificate, key and authority, or listen on 127.0.0.1");
  }
}

}  // namespace

class Endpoint::Core final : public IncomingLink::Owner, public std::enable_shared_from_this<Endpoint::Core> {
 public:
  explicit Core(EndpointOptions options) {
    check(options);
    context_ = std::make_shared<Context>(std::move(options), [this](MonotonicTime now) { return tick(now); });
    if (!context_->options.tls.empty()) {
      context_->server_tls = net::make_server_context(context_->options.tls);
      context_->client_tls = net::make_client_context(context_->options.tls);
    }
    for (const std::string& text : context_->options.listen) listen(parse_address(text));
    context_->loop.start();
  }

  /// Ends every connection and thread.
  void shut_down() {
    context_->loop.post([this] {
      for (const auto& listener : listeners_) context_->loop.remove(listener->socket.get());
      for (const auto& peer : peers()) peer->shut_down();
      for (const auto& link : links()) link->close("");
    });
    context_->loop.stop();
    context_->workers.stop();
    for (const auto& listener : listeners_)
      if (listener->address.is_unix()) ::unlink(listener->address.path.c_str());
    const std::lock_guard lock(mutex_);
    peers_.clear();
    links_.clear();
  }

  std::shared_ptr<BufferPool> picture_pool() const { return context_->arena_pool; }

  std::vector<std::string> addresses() const {
    std::vector<std::string> list;
    for (const auto& listener : listeners_) {
      Address address = listener->address;
      const bool any4 = address.host == "0.0.0.0", any6 = address.host == "::";
      if (address.is_unix() || (!any4 && !any6)) {
        list.push_back(address.text());
        continue;
      }
      for (const std::string& host : own_addresses(any6)) {
        address.host = host;
        list.push_back(address.text());
      }
    }
    return list;
  }

  std::shared_ptr<Sender> open_sender(ChannelId id, const std::string& node, const std::vector<std::string>& addresses,
                                      const SenderOptions& options, std::function<void()> on_room) {
    if (options.capacity == 0 || options.jpeg_quality < 1 || options.jpeg_quality > 100)
      throw Error(ErrorCode::kInvalidConfig, "a link sender needs a capacity of at least 1 and a quality of 1 to 100");
    auto channel = std::make_shared<OutgoingChannel>(std::move(id), options, std::move(on_room),
                                                     Context::random_number(), context_->now());
    std::shared_ptr<OutgoingPeer> peer;
    {
      const std::lock_guard lock(mutex_);
      auto& place = peers_[node];
      if (!place) place = std::make_shared<OutgoingPeer>(context_, node);
      peer = place;
      peer->add(channel);
    }
    peer->set_addresses(addresses);
    return std::make_shared<SenderHandle>(std::move(peer), std::move(channel));
  }

  void set_peer_addresses(const std::string& node, const std::vector<std::string>& addresses) {
    std::shared_ptr<OutgoingPeer> peer;
    {
      const std::lock_guard lock(mutex_);
      const auto found = peers_.find(node);
      if (found == peers_.end()) return;
      peer = found->second;
    }
    peer->set_addresses(addresses);
  }

  std::shared_ptr<Receiver> open_receiver(ChannelId id, const std::string& node,
                                          std::shared_ptr<const StreamInfo> stream, ReceiverHandler& handler,
                                          ReceiverOptions options) {
    VEDETTE_ASSERT(stream);
    if (options.credit == 0) throw Error(ErrorCode::kInvalidConfig, "a link receiver needs a credit of at least 1");
    auto channel =
        std::make_shared<IncomingChannel>(context_, std::move(id), node, std::move(stream), handler, options);
    if (const auto before = receivers_->add(channel)) before->silence();
    context_->loop.post([this, channel] {
      if (receivers_->find(channel->from(), channel->id()) != channel) return;
      for (const auto& link : links())
        if (link->node() == channel->from()) link->offer(channel);
    });
    return std::make_shared<ReceiverHandle>(receivers_, std::move(channel));
  }

  EndpointStatus status() const {
    EndpointStatus s;
    for (const auto& peer : peers()) {
      s.peers.push_back(peer->status());
      peer->channel_status(s.outgoing);
    }
    for (const auto& link : links())
      if (PeerStatus p = link->status(); !p.name.empty()) s.peers.push_back(std::move(p));
    for (const auto& channel : receivers_->all()) s.incoming.push_back(channel->status());
    s.refused = context_->refused.load();
    return s;
  }

  void on_hello(IncomingLink& link) override {
    // A node has one connection to us: an earlier one is dead, whether the system has noticed or not.
    for (const auto& other : links())
      if (other.get() != &link && other->node() == link.node()) other->close("");
  }

  void on_gone(IncomingLink& link) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(links_, [&](const auto& known) { return known.get() == &link; });
  }

 private:
  struct Listener final : IoLoop::Handler {
    Core* core = nullptr;
    Address address;
    Descriptor socket;
    void on_ready() override { core->accept(*this); }
  };

  void listen(Address address) {
    auto listener = std::make_shared<Listener>();
    listener->core = this;
    listener->socket = listen_on(address);
    listener->address = std::move(address);
    context_->loop.add(listener->socket.get(), listener);
    listeners_.push_back(std::move(listener));
  }

  void accept(const Listener& listener) {
    std::string from;
    while (auto socket = accept_on(listener.socket.get(), listener.address.is_unix(), from)) {
      size_t open = 0;
      {
        const std::lock_guard lock(mutex_);
        open = links_.size();
      }
      if (open >= context_->options.max_connections) {
        context_->refused.fetch_add(1);
        context_->warn_rarely("connections", "link from " + from + " is refused: there are " + std::to_string(open) +
                                                 " connections already");
        continue;
      }
      auto link = std::make_shared<IncomingLink>(context_, receivers_, *this, from, listener.address.is_unix());
      {
        const std::lock_guard lock(mutex_);
        links_.push_back(link);
      }
      try {
        link->open(std::move(socket), !listener.address.is_unix() && context_->server_tls);
      } catch (const Error& e) {
        link->close(e.line());
        on_gone(*link);
      }
    }
  }

  MonotonicTime tick(MonotonicTime now) {
    MonotonicTime next = MonotonicTime::max();
    for (const auto& peer : peers()) next = std::min(next, peer->tick(now));
    for (const auto& link : links()) next = std::min(next, link->tick(now));
    const std::lock_guard lock(mutex_);
    std::erase_if(peers_, [](const auto& entry) { return entry.second->unused(); });
    return next;
  }

  std::vector<std::shared_ptr<OutgoingPeer>> peers() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<OutgoingPeer>> list;
    for (const auto& [name, peer] : peers_) list.push_back(peer);
    return list;
  }

  std::vector<std::shared_ptr<IncomingLink>> links() const {
    const std::lock_guard lock(mutex_);
    return links_;
  }

  std::shared_ptr<Context> context_;
  const std::shared_ptr<ReceiverRegistry> receivers_ = std::make_shared<ReceiverRegistry>();
  std::vector<std::shared_ptr<Listener>> listeners_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<OutgoingPeer>> peers_;
  std::vector<std::shared_ptr<IncomingLink>> links_;
};

Endpoint::Endpoint(EndpointOptions options) : core_(std::make_shared<Core>(std::move(options))) {}
Endpoint::~Endpoint() { core_->shut_down(); }

std::vector<std::string> Endpoint::addresses() const { return core_->addresses(); }

std::shared_ptr<Sender> Endpoint::open_sender(ChannelId id, const std::string& peer_node,
                                              const std::vector<std::string>& peer_addresses, SenderOptions options,
                                              std::function<void()> on_room) {
  return core_->open_sender(std::move(id), peer_node, peer_addresses, options, std::move(on_room));
}

void Endpoint::set_peer_addresses(const std::string& peer_node, const std::vector<std::string>& addresses) {
  core_->set_peer_addresses(peer_node, addresses);
}

std::shared_ptr<Receiver> Endpoint::open_receiver(ChannelId id, const std::string& from_node,
                                                  std::shared_ptr<const StreamInfo> stream, ReceiverHandler& handler,
                                                  ReceiverOptions options) {
  return core_->open_receiver(std::move(id), from_node, std::move(stream), handler, options);
}

std::shared_ptr<BufferPool> Endpoint::picture_pool() const { return core_->picture_pool(); }

EndpointStatus Endpoint::status() const { return core_->status(); }

}  // namespace vedette::link
