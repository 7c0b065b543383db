#include "vedette/link/connection.h"

#include <observation.pb.h>

#include <algorithm>
#include <utility>

namespace vedette::link {
namespace {

/// After so much the thread turns to other connections.
constexpr size_t kTurnBytes = size_t{8} << 20;
/// A message of few bytes may stand for a whole picture in shared memory.
constexpr Duration kReadTurn = std::chrono::microseconds(500);
/// A peer that reads nothing must not fill our memory with credits and pings.
constexpr size_t kMostControlBytes = size_t{1} << 20;
constexpr int kSilentPings = 3;

MonotonicTime from_ns(int64_t ns) { return MonotonicTime{Duration{ns}}; }
int64_t to_ns(MonotonicTime t) { return t.time_since_epoch().count(); }

}  // namespace

Connection::Connection(std::shared_ptr<Context> context, std::unique_ptr<Socket> socket, std::shared_ptr<Role> role)
    : context_(std::move(context)), socket_(std::move(socket)), role_(std::move(role)), reader_(*this) {}

void Connection::open(bool connecting, Tls tls, const std::string& host) {
  opened_ = heard_ = Clock::system().monotonic();
  if (tls == Tls::kServer) socket_->secure_as_server(*context_->server_tls);
  if (tls == Tls::kClient) socket_->secure_as_client(*context_->client_tls, host);
  state_ = connecting ? State::kConnecting : State::kSecuring;
  registration_ = context_->loop.add(socket_->fd(), shared_from_this());
  context_->loop.wake_by(opened_);
  if (!connecting) on_ready();
}

bool Connection::advance_handshake() {
  if (state_ == State::kConnecting) {
    const Socket::Result result = socket_->finish_connecting();
    if (result.progress == Socket::Progress::kFailed) close(result.why);
    if (result.progress != Socket::Progress::kSome) return false;
    state_ = State::kSecuring;
  }
  if (state_ == State::kSecuring) {
    if (socket_->secured()) {
      const Socket::Result result = socket_->handshake();
      if (result.progress == Socket::Progress::kFailed) close(result.why);
      if (result.progress == Socket::Progress::kClosed) close("closed during the TLS handshake");
      if (result.progress != Socket::Progress::kSome) return false;
    }
    state_ = State::kGreeting;
    {
      const std::lock_guard lock(mutex_);
      up_ = true;
      status_.tls = socket_->secured();
    }
    role_->on_connected(*this);
  }
  return state_ != State::kClosed;
}

void Connection::ready() {
  state_ = State::kReady;
  reader_.set_limits({kMaxHeaderBytes, context_->options.max_message_bytes});
  ping_due_ = Clock::system().monotonic();
  {
    const std::lock_guard lock(mutex_);
    greeted_ = true;
  }
  context_->loop.wake_by(ping_due_);
}

void Connection::on_ready() {
  const auto self = shared_from_this();
  try {
    if (state_ == State::kClosed || (state_ < State::kGreeting && !advance_handshake())) return;
    read();
  } catch (const Error& e) {
    close(e.line());
  }
  if (state_ != State::kClosed) pump();
}

void Connection::read() {
  size_t turn = 0;
  const MonotonicTime began = Clock::system().monotonic();
  while (state_ != State::kClosed) {
    const Socket::Result result = socket_->read(reader_.targets(), received_);
    if (result.progress == Socket::Progress::kWait) return;
    if (result.progress == Socket::Progress::kFailed) return close(result.why);
    if (result.progress == Socket::Progress::kClosed)
      return close(reader_.in_message() ? "closed in the middle of a message" : "closed by the peer");
    bytes_received_.fetch_add(result.bytes, std::memory_order_relaxed);
    heard_ = Clock::system().monotonic();
    reader_.advance(result.bytes);
    turn += result.bytes;
    if (turn >= kTurnBytes || heard_ - began >= kReadTurn)
      return context_->loop.post([self = shared_from_this()] { self->on_ready(); });
  }
}

std::span<const std::span<uint8_t>> Connection::on_header(const Prefix& prefix, std::span<const uint8_t> header) {
  if (state_ == State::kClosed) throw ProtocolError("closed");
  if (state_ != State::kReady && prefix.type > MessageType::kReady)
    throw ProtocolError("a message before the greeting");
  observation_ = prefix.type == MessageType::kObservation;
  if (observation_) return role_->begin_observation(*this, header, prefix.body_bytes);
  if (prefix.type == MessageType::kPing) {
    read_ping(header);
  } else if (prefix.type == MessageType::kPong) {
    read_pong(header);
  } else {
    role_->on_control(*this, prefix.type, header);
  }
  return {};
}

void Connection::on_message() {
  if (observation_) role_->end_observation(*this);
}

void Connection::read_ping(std::span<const uint8_t> header) {
  wire::Ping ping;
  unpack(header, ping);
  wire::Pong pong;
  pong.set_ping_sent_ns(ping.sent_ns());
  pong.set_ping_received_ns(to_ns(context_->now()));
  {
    const std::lock_guard lock(mutex_);
    status_.bytes_per_second_out = ping.bytes_per_second();
    status_.peer_decode_ns_per_pixel = ping.decode_ns_per_pixel();
  }
  pong.set_sent_ns(to_ns(context_->now()));
  send(pack(MessageType::kPong, pong));
}

void Connection::read_pong(std::span<const uint8_t> header) {
  wire::Pong pong;
  unpack(header, pong);
  add_clock(from_ns(pong.ping_sent_ns()), from_ns(pong.ping_received_ns()), from_ns(pong.sent_ns()), context_->now());
}

void Connection::add_clock(MonotonicTime t1, MonotonicTime t2, MonotonicTime t3, MonotonicTime t4) {
  peer_clock_.add(t1, t2, t3, t4);
  const std::lock_guard lock(mutex_);
  status_.rtt = peer_clock_.rtt();
  status_.offset = peer_clock_.offset();
}

void Connection::add_speed(size_t bytes, MonotonicTime sent, MonotonicTime received) {
  speed_.add(bytes, sent, received);
  const std::lock_guard lock(mutex_);
  status_.bytes_per_second_in = speed_.bytes_per_second();
}

void Connection::send_ping() {
  wire::Ping ping;
  ping.set_bytes_per_second(speed_.bytes_per_second());
  ping.set_decode_ns_per_pixel(context_->decode_ns_per_pixel());
  ping.set_sent_ns(to_ns(context_->now()));
  send(pack(MessageType::kPing, ping));
}

MonotonicTime Connection::tick(MonotonicTime system_now) {
  if (state_ == State::kClosed) return MonotonicTime::max();
  if (state_ != State::kReady) {
    const MonotonicTime deadline = opened_ + context_->options.handshake_timeout;
    if (system_now < deadline) return deadline;
    close(state_ == State::kConnecting ? "no connection in time" : "no greeting in time");
    return MonotonicTime::max();
  }
  const Duration pause = context_->options.keep_alive;
  if (system_now - heard_ > kSilentPings * pause) {
    close("nothing heard for " + std::to_string(to_milliseconds(kSilentPings * pause) / 1000).substr(0, 4) + " s" +
          (reader_.in_message() ? ", in the middle of a message" : ""));
    return MonotonicTime::max();
  }
  if (system_now >= ping_due_) {
    ping_due_ = system_now + pause;
    send_ping();
  }
  return ping_due_;
}

void Connection::close(const std::string& why) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  {
    const std::lock_guard lock(mutex_);
    up_ = greeted_ = false;
    controls_.clear();
  }
  const auto self = shared_from_this();
  context_->loop.remove(socket_->fd());
  role_->on_closed(*this, why);
  socket_->shut_down();
}

void Connection::send(std::vector<uint8_t> message, std::vector<int> descriptors) {
  {
    const std::lock_guard lock(mutex_);
    if (!up_) return;
    control_bytes_ += message.size();
    controls_.push_back({std::move(message), std::move(descriptors)});
    if (control_bytes_ > kMostControlBytes) {
      up_ = greeted_ = false;
      context_->loop.post([self = shared_from_this()] { self->close("it reads nothing"); });
      return;
    }
  }
  pump();
}

bool Connection::next_current() {
  bool greeted = false;
  {
    const std::lock_guard lock(mutex_);
    if (!up_) return false;
    greeted = greeted_;
    if (!controls_.empty()) {
      current_.head = std::move(controls_.front().bytes);
      current_.descriptors = std::move(controls_.front().descriptors);
      controls_.pop_front();
      control_bytes_ -= current_.head.size();
      has_current_ = current_is_control_ = true;
    }
  }
  if (!has_current_) {
    if (!greeted || !role_->next_message(*this, current_)) return false;
    has_current_ = true;
    current_is_control_ = false;
  }
  vectors_.clear();
  vector_at_ = 0;
  vectors_.push_back({current_.head.data(), current_.head.size()});
  for (const Piece& piece : current_.pieces) vectors_.push_back({const_cast<uint8_t*>(piece.data), piece.bytes});
  current_began_ = context_->now();
  return true;
}

bool Connection::start_writing() {
  const std::lock_guard lock(mutex_);
  if (!up_) return false;
  if (writing_) {
    again_ = true;
    return false;
  }
  writing_ = true;
  return true;
}

/// False when somebody asked to write meanwhile, so that the writer has to look again.
bool Connection::stop_writing(bool wait) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(again_, false) && up_ && !wait) return false;
  writing_ = false;
  return true;
}

void Connection::watch_writes(bool watch) {
  if (std::exchange(watching_writes_, watch) != watch) context_->loop.watch_writes(socket_->fd(), registration_, watch);
}

void Connection::pump() {
  if (!start_writing()) return;
  const bool on_loop = context_->loop.on_thread();
  size_t turn = 0;
  for (;;) {
    if (!has_current_ && !next_current()) {
      watch_writes(false);
      if (stop_writing(false)) return;
      continue;
    }
    // Whoever came with one observation does not write those of others, too; and no connection keeps the loop.
    if (!current_is_control_ && turn > (on_loop ? kTurnBytes : 0)) {
      stop_writing(true);
      context_->loop.post([self = shared_from_this()] { self->pump(); });
      return;
    }
    while (vector_at_ < vectors_.size()) {
      const Socket::Result result =
          socket_->write(std::span<const iovec>(vectors_).subspan(vector_at_), current_.descriptors);
      if (result.progress == Socket::Progress::kWait) {
        watch_writes(true);  // from before the flag is given back, so that no event finds nobody
        if (stop_writing(false)) return;
        continue;
      }
      if (result.progress != Socket::Progress::kSome) {
        const std::string why = result.why.empty() ? "closed by the peer" : result.why;
        stop_writing(true);
        context_->loop.post([self = shared_from_this(), why] { self->close(why); });
        return;
      }
      bytes_sent_.fetch_add(result.bytes, std::memory_order_relaxed);
      turn += current_is_control_ ? 0 : result.bytes;
      current_.descriptors.clear();
      for (size_t left = result.bytes; left > 0;) {
        iovec& part = vectors_[vector_at_];
        const size_t here = std::min(left, part.iov_len);
        part.iov_base = static_cast<char*>(part.iov_base) + here;
        part.iov_len -= here;
        left -= here;
        if (part.iov_len == 0) ++vector_at_;
      }
    }
    has_current_ = false;
    if (!current_is_control_) role_->on_written(current_, current_began_, context_->now());
    current_.clear();
  }
}

Connection::Status Connection::status() const {
  Status copy;
  {
    const std::lock_guard lock(mutex_);
    copy = status_;
  }
  copy.bytes_sent = bytes_sent_.load(std::memory_order_relaxed);
  copy.bytes_received = bytes_received_.load(std::memory_order_relaxed);
  return copy;
}

}  // namespace vedette::link
