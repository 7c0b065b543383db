#include "vedette/node/exchange.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::node {

/// Senders that will get no more and whose last observations are still on their way.
class LeavingSenders {
 public:
  LeavingSenders(link::Endpoint& endpoint, Duration limit) : endpoint_(endpoint), limit_(limit) {}

  void add(std::shared_ptr<link::Sender> sender, link::ChannelId id, std::string peer, bool ended) {
    const std::lock_guard lock(mutex_);
    senders_.push_back(
        {std::move(sender), std::move(id), std::move(peer), ended, Clock::system().monotonic() + limit_});
  }

  /// One of them may be done. From its callback, where no sender may be destroyed: two callbacks could wait for each
  /// other.
  void poke() { changed_.notify_all(); }

  void tidy() {
    std::vector<std::shared_ptr<link::Sender>> gone;  // destroyed without the lock: that waits for callbacks
    {
      const std::lock_guard lock(mutex_);
      if (senders_.empty()) return;
      const auto now = Clock::system().monotonic();
      const bool parted = std::any_of(senders_.begin(), senders_.end(), [](const auto& s) { return !s.ended; });
      const auto status = parted ? endpoint_.status() : link::EndpointStatus{};
      std::erase_if(senders_, [&](Leaving& leaving) {
        const bool over = now >= leaving.until || (leaving.ended ? leaving.sender->drained() : empty(leaving, status));
        if (over) gone.push_back(std::move(leaving.sender));
        return over;
      });
    }
    if (!gone.empty()) changed_.notify_all();
  }

  bool wait_empty(Duration limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (true) {
      tidy();
      std::unique_lock lock(mutex_);
      if (senders_.empty()) return true;
      if (std::chrono::steady_clock::now() >= deadline) return false;
      changed_.wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + kLook));
    }
  }

 private:
  static constexpr std::chrono::milliseconds kLook{20};  // nobody says when a sender without an end is empty
  struct Leaving {
    std::shared_ptr<link::Sender> sender;
    link::ChannelId id;
    std::string peer;
    bool ended;  // the stream is over: the receiver will be told, and drained() says when it was
    MonotonicTime until;
  };

  static bool empty(const Leaving& leaving, const link::EndpointStatus& status) {
    return std::none_of(status.outgoing.begin(), status.outgoing.end(), [&](const auto& out) {
      return out.id == leaving.id && out.peer == leaving.peer && out.queue_depth > 0;
    });
  }

  link::Endpoint& endpoint_;
  const Duration limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Leaving> senders_;
};

namespace {

constexpr size_t kLeastInFlight = 2;  // one on its way while the newest waits

/// What outlets put into goes to a sender.
class LinkInlet final : public graph::Inlet {
 public:
  LinkInlet(std::weak_ptr<LeavingSenders> leaving, link::ChannelId id, std::string peer)
      : leaving_(std::move(leaving)), id_(std::move(id)), peer_(std::move(peer)) {}
  ~LinkInlet() override {
    if (const auto leaving = leaving_.lock(); leaving && sender_ && (ended_ || parted_)) {
      if (!ended_) sender_->part();
      leaving->add(std::move(sender_), id_, peer_, ended_);
    }
  }

  /// Before anything else.
  void attach(std::shared_ptr<link::Sender> sender) { sender_ = std::move(sender); }

  void join(std::weak_ptr<graph::Outlet> outlet) override {
    const auto alive = outlet.lock();
    if (!alive) return;
    const std::lock_guard lock(mutex_);
    parted_ = false;
    outlets_.push_back({alive.get(), std::move(outlet)});
  }
  bool reserve() override { return sender_->reserve(); }
  void give_back() override { sender_->give_back(); }
  void put(Observation observation, bool reserved) override { sender_->send(std::move(observation), reserved); }

  void end(const graph::Outlet& outlet, graph::Ending why) override {
    {
      const std::lock_guard lock(mutex_);
      const auto known = std::erase_if(outlets_, [&](const Joined& joined) { return joined.address == &outlet; });
      if (known == 0 || !outlets_.empty() || ended_) return;
      // The other node is told only of a stream that is over: one that parts here goes on there by another way.
      (why == graph::Ending::kStreamOver ? ended_ : parted_) = true;
      if (!ended_) return;
    }
    sender_->end();
  }

  void room() {
    std::vector<std::weak_ptr<graph::Outlet>> outlets;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& joined : outlets_) outlets.push_back(joined.outlet);
    }
    for (const auto& outlet : outlets)
      if (const auto alive = outlet.lock()) alive->room();
  }

 private:
  struct Joined {
    const graph::Outlet* address;
    std::weak_ptr<graph::Outlet> outlet;
  };
  const std::weak_ptr<LeavingSenders> leaving_;
  const link::ChannelId id_;
  const std::string peer_;
  std::shared_ptr<link::Sender> sender_;
  std::mutex mutex_;
  std::vector<Joined> outlets_;
  bool ended_ = false;
  bool parted_ = false;
};

/// What a receiver gets goes to an import, and the places that come free there go back as credit.
class ImportLink final : public link::ReceiverHandler, public std::enable_shared_from_this<ImportLink> {
 public:
  explicit ImportLink(std::shared_ptr<graph::Import> import) : import_(std::move(import)) {}

  void attach(const std::shared_ptr<link::Receiver>& receiver) {
    size_t owed = 0;
    {
      const std::lock_guard lock(mutex_);
      receiver_ = receiver;
      owed = std::exchange(owed_, 0);
    }
    if (owed > 0) receiver->grant(owed);
  }

  /// No call comes afterwards.
  void close() {
    std::shared_ptr<link::Receiver> receiver;
    {
      const std::lock_guard lock(mutex_);
      receiver = std::exchange(receiver_, nullptr);
    }
  }

  void taken(size_t places) {
    std::shared_ptr<link::Receiver> receiver;
    {
      const std::lock_guard lock(mutex_);
      receiver = receiver_;
      if (!receiver) owed_ += places;  // it came before open_receiver() returned
    }
    if (receiver) receiver->grant(places);
  }

  void on_observation(Observation observation) override { import_->deliver(std::move(observation)); }
  void on_gap(uint64_t observations, std::string_view reason) override { import_->gap(observations, reason); }
  void on_end() override { import_->end(graph::Ending::kStreamOver); }
  void on_closed() override {
    const auto self = shared_from_this();  // it may be the import's end, and ours
    import_->sender_closed();
  }

 private:
  const std::shared_ptr<graph::Import> import_;
  std::mutex mutex_;
  std::shared_ptr<link::Receiver> receiver_;
  size_t owed_ = 0;
};

/// Owns an import's side of a channel.
struct ImportHandle {
  explicit ImportHandle(std::shared_ptr<ImportLink> of) : link(std::move(of)) {}
  ~ImportHandle() { link->close(); }
  ImportHandle(const ImportHandle&) = delete;
  ImportHandle& operator=(const ImportHandle&) = delete;
  const std::shared_ptr<ImportLink> link;
};

/// When what is needed over there changes (an application that looks at pictures comes), that is another channel: the
/// new one is open before the old one is parted.
link::ChannelId link_channel(const plan::Channel& channel) {
  return {channel.producer + (channel.pixels ? "+pixels" : "") + (channel.crops ? "+crops" : ""), channel.stream};
}

link::WhenFull when_full(graph::WhenFull when) {
  switch (when) {
    case graph::WhenFull::kBlock: return link::WhenFull::kBlock;
    case graph::WhenFull::kLatest: return link::WhenFull::kLatest;
    case graph::WhenFull::kDropOldest: break;
  }
  return link::WhenFull::kDropOldest;
}

}  // namespace

LinkExchange::LinkExchange(link::Endpoint& endpoint, LinkSettings settings, Duration leave_limit)
    : endpoint_(endpoint),
      settings_(std::move(settings)),
      leaving_(std::make_shared<LeavingSenders>(endpoint, leave_limit)) {}

LinkExchange::~LinkExchange() = default;

std::shared_ptr<graph::Inlet> LinkExchange::open_export(const plan::Channel& channel,
                                                        std::shared_ptr<const StreamInfo> /*stream*/,
                                                        graph::QueueOptions queue) {
  link::SenderOptions options;
  options.when_full = when_full(queue.when_full);
  options.capacity =
      queue.when_full == graph::WhenFull::kBlock ? queue.capacity : std::max(queue.capacity, kLeastInFlight);
  options.deadline = from_seconds(settings_.deadline_seconds);
  options.patience = from_seconds(settings_.patience_seconds);
  options.pixels = channel.pixels;
  options.crops = channel.crops;
  options.jpeg_quality = settings_.jpeg_quality;
  options.form = settings_.pictures;
  const link::ChannelId id = link_channel(channel);
  auto inlet = std::make_shared<LinkInlet>(leaving_, id, channel.node);
  const auto room = [weak = std::weak_ptr(inlet), leaving = std::weak_ptr(leaving_)] {
    if (const auto alive = weak.lock()) {
      alive->room();
    } else if (const auto senders = leaving.lock()) {
      senders->poke();
    }
  };
  const auto addresses = peers_.find(channel.node);
  inlet->attach(endpoint_.open_sender(
      id, channel.node, addresses == peers_.end() ? std::vector<std::string>{} : addresses->second, options, room));
  return inlet;
}

std::shared_ptr<void> LinkExchange::open_import(const plan::Channel& channel, std::shared_ptr<const StreamInfo> stream,
                                                std::shared_ptr<graph::Import> import) {
  VEDETTE_ASSERT(import && import->places() > 0);
  auto link = std::make_shared<ImportLink>(import);
  import->on_taken([weak = std::weak_ptr(link)](size_t places) {
    if (const auto alive = weak.lock()) alive->taken(places);
  });
  link->attach(endpoint_.open_receiver(link_channel(channel), channel.node, std::move(stream), *link,
                                       {.credit = import->places()}));
  return std::make_shared<ImportHandle>(std::move(link));
}

void LinkExchange::set_peers(const std::map<std::string, std::vector<std::string>>& addresses) {
  for (const auto& [node, where] : addresses)
    if (const auto known = peers_.find(node); known == peers_.end() || known->second != where)
      endpoint_.set_peer_addresses(node, where);
  peers_ = addresses;
}

void LinkExchange::tidy() { leaving_->tidy(); }
bool LinkExchange::wait_left(Duration limit) { return leaving_->wait_empty(limit); }

}  // namespace vedette::node
