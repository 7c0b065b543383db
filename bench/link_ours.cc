// Our links, as nodes use them: an observation with a raw picture and two objects; the capture time carries the moment
// of sending.
#include <condition_variable>
#include <mutex>

#include "link_bench.h"
#include "vedette/base/log.h"
#include "vedette/link/endpoint.h"

namespace vedette::bench {
namespace {

constexpr size_t kInFlight = 8;

class Counter final : public link::ReceiverHandler {
 public:
  explicit Counter(Shared& shared) : shared_(shared) {}
  void on_observation(Observation observation) override {
    const Frame& frame = observation.frame();
    const Picture& picture = *frame.picture;
    shared_.arrived(frame.capture_time.time_since_epoch().count(), picture.plane(0).data,
                    static_cast<size_t>(picture.plane(0).stride_bytes) * static_cast<size_t>(picture.height()));
    receiver->grant(1);
  }
  void on_gap(uint64_t, std::string_view) override {}
  void on_end() override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  void wait_end() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ended_; });
  }
  std::shared_ptr<link::Receiver> receiver;

 private:
  Shared& shared_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

Observation make_observation(const std::shared_ptr<const StreamInfo>& stream,
                             const std::shared_ptr<const Picture>& picture, const std::shared_ptr<const Labels>& labels,
                             uint64_t sequence) {
  Frame frame;
  frame.stream = stream;
  frame.sequence = sequence;
  frame.width = picture->width();
  frame.height = picture->height();
  frame.picture = picture;
  Object object;
  object.box = {10, 20, 30, 40};
  object.score = 0.5f;
  object.labels = labels;
  object.track_id = 7;
  frame.arrival = Clock::system().monotonic();
  frame.capture_time = Timestamp{Duration{now_ns()}};
  return Observation(std::make_shared<const Frame>(std::move(frame))).with_objects({object, object});
}

class Link final : public Way {
 public:
  enum class Kind { kTcp, kUnix, kSharedMemory, kTls };
  explicit Link(Kind kind) : kind_(kind) {}

  std::string name() const override {
    switch (kind_) {
      case Kind::kTcp: return "link over TCP";
      case Kind::kUnix: return "link over a Unix socket";
      case Kind::kSharedMemory: return "link by shared memory";
      case Kind::kTls: return "link over TLS";
    }
    return "?";
  }

  void receive(Shared& shared, const Case& c) override {
    Counter counter(shared);
    link::Endpoint endpoint(options("receiver", shared, c, true));
    counter.receiver = endpoint.open_receiver({"bench", "stream"}, "sender", stream_, counter, {.credit = kInFlight});
    const std::string address = endpoint.addresses().front();
    const bool tcp = address.starts_with("tcp:");
    shared.port = tcp ? std::stoi(address.substr(address.rfind(':') + 1)) : 1;
    counter.wait_end();
    wait_for([&] { return endpoint.status().peers.empty() || endpoint.status().peers[0].state == "gone"; }, 5);
    counter.receiver.reset();
  }

  void send(Shared& shared, const Case& c) override {
    link::Endpoint endpoint(options("sender", shared, c, false));
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t rooms = 0;
    const std::string address =
        is_tcp() ? "tcp://127.0.0.1:" + std::to_string(shared.port.load()) : "unix:" + c.file(shared, "link.sock");
    link::SenderOptions sending;
    sending.capacity = kInFlight;
    sending.form = link::PictureForm::kRaw;
    auto sender = endpoint.open_sender({"bench", "stream"}, "receiver", {address}, sending, [&] {
      const std::lock_guard lock(mutex);
      ++rooms;
      changed.notify_one();
    });
    std::vector<std::shared_ptr<const Picture>> pictures;
    for (size_t i = 0; i < kPictures; ++i) {
      // In the shared arena, where peers on this host can see them.
      auto picture = Picture::make(PixelFormat::kI420, c.width, c.height, endpoint.picture_pool().get());
      std::memset(picture->plane(0).data, static_cast<int>(40 + i), c.bytes);
      pictures.push_back(std::move(picture));
    }
    const auto labels = std::make_shared<const Labels>(Labels{"person"});
    const bool shared_memory = kind_ == Kind::kSharedMemory;
    wait_for([&] {
      const auto status = endpoint.status();
      return status.outgoing[0].state == "flowing" && status.peers[0].shared_memory == shared_memory;
    });
    const Pace pace(c);
    for (uint64_t i = 0; i < c.messages; ++i) {
      pace.wait(i);
      std::unique_lock lock(mutex);
      for (;;) {
        const uint64_t seen = rooms;
        lock.unlock();
        if (sender->reserve()) break;
        lock.lock();
        changed.wait(lock, [&] { return rooms != seen; });
      }
      sender->send(make_observation(stream_, pictures[i % kPictures], labels, i), true);
    }
    sender->end();
    wait_for([&] { return sender->drained(); });
  }

 private:
  bool is_tcp() const { return kind_ == Kind::kTcp || kind_ == Kind::kTls; }
  link::EndpointOptions options(const std::string& node, const Shared& shared, const Case& c, bool listens) const {
    log::set_level(log::Level::kError);
    link::EndpointOptions o;
    o.node = node;
    o.token = "bench";
    if (listens) o.listen = {is_tcp() ? "tcp://127.0.0.1:0" : "unix:" + c.file(shared, "link.sock")};
    if (kind_ == Kind::kTls)
      o.tls = {c.file(shared, "node.pem"), c.file(shared, "node-key.pem"), c.file(shared, "authority.pem")};
    if (kind_ != Kind::kSharedMemory) o.shared_memory_bytes = 0;
    return o;
  }

  const Kind kind_;
  const std::shared_ptr<const StreamInfo> stream_ = std::make_shared<const StreamInfo>();
};

}  // namespace

std::unique_ptr<Way> link_over_tcp() { return std::make_unique<Link>(Link::Kind::kTcp); }
std::unique_ptr<Way> link_over_unix() { return std::make_unique<Link>(Link::Kind::kUnix); }
std::unique_ptr<Way> link_over_shared_memory() { return std::make_unique<Link>(Link::Kind::kSharedMemory); }
std::unique_ptr<Way> link_over_tls() { return std::make_unique<Link>(Link::Kind::kTls); }

}  // namespace vedette::bench
