#include "vedette/broker/client_stream.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <thread>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/grpc_status.h"
#include "vedette/link/resolver.h"
#include "vedette/link/wire.h"

namespace vedette::broker {
namespace {

link::EndpointOptions context_options() {
  link::EndpointOptions o;
  o.node = "client";
  o.max_message_bytes = kMaxMessageBytes;
  o.shared_memory_bytes = 0;
  o.keep_alive = std::chrono::milliseconds(2000);
  return o;
}

std::string look_up(const std::string& host, Duration timeout) {
  const auto found = std::make_shared<std::promise<std::pair<std::string, std::string>>>();
  auto answer = found->get_future();
  link::Resolver resolver;
  resolver.look_up(host,
                   [found](std::string ip, std::string why) { found->set_value({std::move(ip), std::move(why)}); });
  if (answer.wait_for(timeout) != std::future_status::ready)
    throw Error(ErrorCode::kTimeout, "the broker's host '" + host + "' is not known in time");
  auto [ip, why] = answer.get();
  if (ip.empty()) throw Error(ErrorCode::kUnavailable, "the broker's host '" + host + "' is not known: " + why);
  return ip;
}

}  // namespace

struct ClientStream::Pending {
  std::vector<uint8_t> head;
  std::span<const std::byte> bytes;
  bool done = false;
};

/// A segment of the broker's log, mapped read-only for as long as anybody looks at it.
struct ClientStream::Mapping {
  uint64_t segment = 0;
  uint8_t* data = nullptr;
  size_t bytes = 0;
  std::atomic<uint64_t> received{0};
  std::atomic<int64_t> views{0};
  std::weak_ptr<ClientStream> stream;

  Mapping(uint64_t number, int file, size_t size) : segment(number), bytes(size) {
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) throw_errno(errno, "cannot map a segment of the broker's log");
    data = static_cast<uint8_t*>(memory);
  }
  ~Mapping() { ::munmap(data, bytes); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
};

struct ClientStream::View {
  std::shared_ptr<Mapping> mapping;
  explicit View(std::shared_ptr<Mapping> m) : mapping(std::move(m)) { ++mapping->views; }
  ~View() {
    if (--mapping->views > 0) return;
    if (const auto stream = mapping->stream.lock()) stream->release(*mapping);
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
};

ClientStream::ClientStream(std::shared_ptr<SSL_CTX> tls) : incoming_(std::make_unique<v1::StreamHead>()) {
  context_ = std::make_shared<link::Context>(context_options(), [this](MonotonicTime now) {
    return opened_ ? connection_->tick(now) : now + std::chrono::seconds(1);
  });
  context_->client_tls = std::move(tls);
}

ClientStream::~ClientStream() { stop(); }

std::shared_ptr<ClientStream> ClientStream::connect(const std::string& address, const std::string& session,
                                                    const std::shared_ptr<SSL_CTX>& tls, Duration timeout) {
  const MonotonicTime deadline = Clock::system().monotonic() + timeout;
  auto stream = std::make_shared<ClientStream>(tls);
  const link::Address to = link::parse_address(address);
  std::string ip = to.host;
  if (!to.is_unix() && !to.is_numeric()) ip = look_up(to.host, timeout);
  stream->session_ = session;
  stream->unix_ = to.is_unix();
  auto socket = link::start_connecting(to, ip);
  // Does not own the stream, which owns it; stop() ends it before.
  std::shared_ptr<Role> role(std::shared_ptr<void>(), stream.get());
  stream->connection_ = std::make_shared<link::Connection>(stream->context_, std::move(socket), std::move(role));
  const bool secure = tls != nullptr && !to.is_unix();
  stream->context_->loop.start();
  stream->context_->loop.post([stream, secure, host = to.host] {
    try {
      stream->opened_ = true;
      stream->connection_->open(true, secure ? link::Connection::Tls::kClient : link::Connection::Tls::kNone, host);
    } catch (const Error& e) {
      stream->connection_->close(e.line());
    }
  });
  std::unique_lock lock(stream->mutex_);
  const bool in_time =
      stream->changed_.wait_until(lock, std::chrono::time_point_cast<std::chrono::steady_clock::duration>(deadline),
                                  [&] { return stream->greeted_ || stream->closed_; });
  if (stream->greeted_ && !stream->closed_) return stream;
  const std::string why = in_time ? stream->why_ : "no answer in time";
  const bool refused = stream->refused_;
  lock.unlock();
  stream->stop();
  throw Error(refused ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
              "no stream to the broker at " + address + ": " + why);
}

void ClientStream::stop() {
  context_->loop.post([this] {
    if (connection_) connection_->close("");
  });
  context_->loop.stop();
  context_->workers.stop();
}

bool ClientStream::alive() const {
  const std::lock_guard lock(mutex_);
  return greeted_ && !closed_;
}

void ClientStream::attach(uint64_t id, std::weak_ptr<StreamSink> sink) {
  const std::lock_guard lock(mutex_);
  sinks_[id] = std::move(sink);
}

void ClientStream::detach(uint64_t id) {
  const std::lock_guard lock(mutex_);
  sinks_.erase(id);
}

std::shared_ptr<StreamSink> ClientStream::sink_of(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = sinks_.find(id);
  return found == sinks_.end() ? nullptr : found->second.lock();
}

void ClientStream::send(const v1::StreamHead& head, std::vector<int> files) {
  connection_->send(link::pack(link::MessageType::kOpen, head), std::move(files));
}

void ClientStream::send_frame(v1::StreamHead& head, std::span<const std::byte> bytes, Duration timeout) {
  const auto pending = std::make_shared<Pending>();
  const size_t head_bytes = head.ByteSizeLong();
  pending->head.resize(link::kPrefixBytes + head_bytes);
  link::write_prefix(std::span<uint8_t, link::kPrefixBytes>(pending->head.data(), link::kPrefixBytes),
                     link::MessageType::kObservation, head_bytes, bytes.size(), link::kProtocolMajor);
  head.SerializeWithCachedSizesToArray(pending->head.data() + link::kPrefixBytes);
  pending->bytes = bytes;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) throw Error(ErrorCode::kUnavailable, "the broker is lost: " + why_);
    pending_.push_back(pending);
  }
  connection_->pump();
  std::unique_lock lock(mutex_);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (changed_.wait_until(lock, deadline, [&] { return pending->done || closed_; }) && pending->done) return;
  const bool late = !closed_;
  lock.unlock();
  if (late) stop();  // nobody may look at the bytes any more
  throw Error(late ? ErrorCode::kTimeout : ErrorCode::kUnavailable,
              late ? "the broker takes no frames" : "the broker is lost");
}

void ClientStream::on_connected(link::Connection& connection) {
  v1::StreamHead head;
  head.mutable_hello()->set_version(1);
  head.mutable_hello()->set_session(session_);
  head.mutable_hello()->set_takes_lanes(unix_);
  connection.send(link::pack(link::MessageType::kHello, head));
}

void ClientStream::on_control(link::Connection& connection, link::MessageType type, std::span<const uint8_t> header) {
  v1::StreamHead head;
  link::unpack(header, head);
  if (type == link::MessageType::kRefusal) {
    {
      const std::lock_guard lock(mutex_);
      refused_ = true;
    }
    return connection.close(head.fault().line());
  }
  if (type == link::MessageType::kWelcome) {
    connection.ready();
    const std::lock_guard lock(mutex_);
    greeted_ = true;
    changed_.notify_all();
    return;
  }
  if (type != link::MessageType::kOpen) throw link::ProtocolError("a message that brokers do not send");
  for (auto& file : connection.take_descriptors()) files_.push_back(std::move(file));
  if (head.has_frame()) return take_shared(head);
  if (head.has_lane()) return take_lane(head);
  if (const auto sink = sink_of(head.id())) sink->on_head(head);
}

void ClientStream::take_shared(const v1::StreamHead& head) {
  const auto& shared = head.frame().shared();
  if (shared.map_bytes() > 0) {
    if (files_.empty()) throw link::ProtocolError("a segment without its file");
    auto mapping = std::make_shared<Mapping>(shared.segment(), files_.front().get(), shared.map_bytes());
    files_.pop_front();
    mapping->stream = weak_from_this();
    mappings_[shared.segment()] = std::move(mapping);
  }
  const auto found = mappings_.find(shared.segment());
  if (found == mappings_.end() || shared.bytes() > found->second->bytes ||
      shared.offset() > found->second->bytes - shared.bytes())
    throw link::ProtocolError("a frame outside of the memory that was passed");
  const auto& mapping = found->second;
  ++mapping->received;
  const auto view = std::make_shared<View>(mapping);
  const uint64_t before = current_segment_.exchange(shared.segment());
  if (before != shared.segment())
    if (const auto last = mappings_.find(before); last != mappings_.end() && last->second->views == 0)
      release(*last->second);
  if (const auto sink = sink_of(head.id()))
    sink->on_frame(head.frame(), {reinterpret_cast<const std::byte*>(mapping->data + shared.offset()), shared.bytes()},
                   view);
}

void ClientStream::take_lane(const v1::StreamHead& head) {
  const auto& pass = head.lane();
  const auto next_file = [this] {
    if (files_.empty()) throw link::ProtocolError("a lane without its files");
    auto file = std::move(files_.front());
    files_.pop_front();
    return file;
  };
  if (pass.with_claims()) claims_ = std::make_shared<LaneClaims>(next_file());
  std::shared_ptr<LaneReader> lane;
  if (pass.bytes() > 0) {
    auto pictures = next_file(), cell = next_file(), bell = next_file();
    try {
      lane = std::make_shared<LaneReader>(std::move(pictures), pass.bytes(), std::move(cell), std::move(bell));
    } catch (const Error&) {
      lane = nullptr;  // its publisher's fault: the broker sends everything
    }
  }
  if (const auto sink = sink_of(head.id())) sink->on_lane(lane, claims_, pass);
}

bool ClientStream::watch(int file, std::shared_ptr<link::IoLoop::Handler> handler) {
  try {
    const uint64_t number = context_->loop.add(file, std::move(handler));
    context_->loop.watch_writes(file, number, false);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void ClientStream::release(Mapping& mapping) {
  if (mapping.segment == current_segment_) return;
  v1::StreamHead head;
  head.mutable_release()->set_segment(mapping.segment);
  head.mutable_release()->set_frames(mapping.received);
  send(head);
}

std::span<const std::span<uint8_t>> ClientStream::begin_observation(link::Connection&, std::span<const uint8_t> header,
                                                                    size_t body_bytes) {
  link::unpack(header, *incoming_);
  if (!incoming_->has_frame()) throw link::ProtocolError("bytes without a frame");
  body_ = context_->pool.acquire(body_bytes);
  body_bytes_ = body_bytes;
  into_.assign(1, {body_.get(), body_bytes});
  return into_;
}

void ClientStream::end_observation(link::Connection&) {
  const auto sink = sink_of(incoming_->id());
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(body_.get()), body_bytes_);
  if (sink) sink->on_frame(incoming_->frame(), bytes, body_);
  body_.reset();
}

void ClientStream::on_closed(link::Connection&, const std::string& why) {
  std::map<uint64_t, std::weak_ptr<StreamSink>> sinks;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    why_ = why.empty() ? "closed" : why;
    sinks.swap(sinks_);
    pending_.clear();
    changed_.notify_all();
  }
  for (const auto& [id, weak] : sinks)
    if (const auto sink = weak.lock()) sink->on_lost(why);
}

bool ClientStream::next_message(link::Connection&, link::OutgoingMessage& message) {
  const std::lock_guard lock(mutex_);
  if (pending_.empty()) return false;
  const auto pending = std::move(pending_.front());
  pending_.pop_front();
  message.head = std::move(pending->head);
  message.pieces.push_back({reinterpret_cast<const uint8_t*>(pending->bytes.data()), pending->bytes.size()});
  message.keep.push_back(pending);
  return true;
}

void ClientStream::on_written(const link::OutgoingMessage& message, MonotonicTime, MonotonicTime) {
  if (message.keep.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto pending = std::static_pointer_cast<const Pending>(message.keep.front());
  const_cast<Pending&>(*pending).done = true;
  changed_.notify_all();
}

}  // namespace vedette::broker
