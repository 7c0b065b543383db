#include "vedette/console/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vedette::console {
namespace {

/// What the kernel may hold of a live view before it is sent; more only makes a slow viewer's picture older.
constexpr int kUnsentBytes = 128 << 10;

/// poll() on one socket until `deadline`; the events that came, 0 when the time is up.
int wait_for(int socket, short events, MonotonicTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::system().monotonic());
    pollfd entry{socket, events, 0};
    const int result = ::poll(&entry, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000)));
    if (result > 0) return entry.revents;
    if (result < 0 && errno == EINTR) continue;
    return 0;
  }
}

}  // namespace

Connection::Connection(int socket, ConnectionLimits limits) : socket_(socket), limits_(limits) {
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof kUnsentBytes);
}

bool Connection::await_request() {
  request_bytes_ = 0;
  if (begin_ == end_) {
    const int events = wait_for(socket_, POLLIN, Clock::system().monotonic() + limits_.idle_timeout);
    if ((events & POLLIN) == 0) return false;
    char next = 0;
    if (::recv(socket_, &next, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return false;
  }
  request_deadline_ = Clock::system().monotonic() + limits_.request_timeout;
  return true;
}

bool Connection::is_readable() const {
  return begin_ != end_ || (wait_for(socket_, POLLIN, request_deadline_) & POLLIN) != 0;
}

bool Connection::is_writable() const {
  return (wait_for(socket_, POLLRDHUP, MonotonicTime{}) & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) == 0;
}

ssize_t Connection::read(char* to, size_t size) {
  if (begin_ == end_) {
    if (request_bytes_ >= limits_.max_request_bytes) return -1;
    if ((wait_for(socket_, POLLIN, request_deadline_) & POLLIN) == 0) return -1;
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) return got;
    request_bytes_ += static_cast<size_t>(got);
    begin_ = 0;
    end_ = static_cast<size_t>(got);
  }
  const size_t count = std::min(size, end_ - begin_);
  std::memcpy(to, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* from, size_t size) {
  while (true) {
    const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    const int events = wait_for(socket_, POLLOUT, Clock::system().monotonic() + limits_.write_timeout);
    if ((events & POLLOUT) == 0) return -1;
  }
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = "loopback";
  port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip = "loopback";
  port = 0;
}

}  // namespace vedette::console
