#include "vedette/net/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vedette::net {
namespace {

/// What the kernel may hold of a live view before it is sent; more only makes a slow viewer's picture older.
constexpr int kUnsentBytes = 128 << 10;
constexpr std::chrono::seconds kLinger{1};
constexpr size_t kLingerBytes = 2u << 20;

MonotonicTime now() { return Clock::system().monotonic(); }

/// poll() on one socket until `deadline`; the events that came, 0 when the time is up.
int wait_for(int socket, short events, MonotonicTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
    pollfd entry{socket, events, 0};
    const int result = ::poll(&entry, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000)));
    if (result > 0) return entry.revents;
    if (result < 0 && errno == EINTR) continue;
    return 0;
  }
}

void name_of(const sockaddr_storage& address, std::string& ip, int& port) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    port = ntohs(v6.sin6_port);
  }
  ip = text;
}

}  // namespace

Connection::Connection(int socket, ConnectionLimits limits, SSL_CTX* tls)
    : socket_(socket), limits_(limits), tls_(nullptr, [](SSL*) {}) {
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof kUnsentBytes);
  if (tls) {
    ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
    tls_ = make_server_connection(*tls, socket_);
  }
}

Connection::~Connection() {
  if (tls_ && !broken_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
}

/// After an SSL_… call that returned `result`: waits for what it needs; false when it failed or the time is up.
bool Connection::wait_tls(int result, MonotonicTime deadline) const {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ: return (wait_for(socket_, POLLIN, deadline) & POLLIN) != 0;
    case SSL_ERROR_WANT_WRITE: return (wait_for(socket_, POLLOUT, deadline) & POLLOUT) != 0;
    default: return false;
  }
}

std::string Connection::handshake() {
  if (!tls_) return "";
  broken_ = true;
  const MonotonicTime deadline = now() + limits_.request_timeout;
  while (true) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_accept(tls_.get());
    if (result == 1) break;
    const int kind = SSL_get_error(tls_.get(), result);
    if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
        static constexpr std::string_view kPlain =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
            "This port speaks TLS: use https://\n";
        ::send(socket_, kPlain.data(), kPlain.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      }
      return explain_tls_failure(tls_.get(), result);
    }
    if (!wait_tls(result, deadline)) return "the handshake took too long, or the peer hung up";
  }
  broken_ = false;
  return "";
}

bool Connection::await_request() {
  request_bytes_ = 0;
  max_bytes_ = limits_.max_head_bytes;
  if (begin_ == end_) {
    // The first bytes are taken in here, so that TLS records without content do not count as the beginning of a
    // request.
    const ssize_t got = receive(buffer_.data(), buffer_.size(), now() + limits_.idle_timeout);
    if (got <= 0) return false;
    request_bytes_ = static_cast<size_t>(got);
    begin_ = 0;
    end_ = static_cast<size_t>(got);
  }
  request_deadline_ = now() + limits_.request_timeout;
  return true;
}

void Connection::begin_body(size_t bytes) {
  max_bytes_ = request_bytes_ + bytes;
  request_deadline_ = now() + limits_.request_timeout;
}

void Connection::linger() {
  if (tls_ && !broken_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  broken_ = true;
  ::shutdown(socket_, SHUT_WR);
  const MonotonicTime deadline = now() + kLinger;
  for (size_t taken = 0; taken < kLingerBytes;) {
    if ((wait_for(socket_, POLLIN, deadline) & POLLIN) == 0) return;
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    taken += static_cast<size_t>(got);
  }
}

bool Connection::is_readable() const {
  return begin_ != end_ || (tls_ && SSL_pending(tls_.get()) > 0) ||
         (wait_for(socket_, POLLIN, request_deadline_) & POLLIN) != 0;
}

bool Connection::is_writable() const {
  return !broken_ && (wait_for(socket_, POLLRDHUP, MonotonicTime{}) & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) == 0;
}

ssize_t Connection::receive(char* to, size_t size, MonotonicTime deadline) {
  if (!tls_) {
    if ((wait_for(socket_, POLLIN, deadline) & POLLIN) == 0) return -1;
    return ::recv(socket_, to, size, MSG_DONTWAIT);
  }
  while (!broken_) {
    ERR_clear_error();
    const int got = SSL_read(tls_.get(), to, static_cast<int>(std::min<size_t>(size, 1u << 20)));
    if (got > 0) return got;
    const int kind = SSL_get_error(tls_.get(), got);
    if (kind == SSL_ERROR_ZERO_RETURN) return 0;
    if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
      broken_ = true;
      ERR_clear_error();
      return -1;
    }
    if (!wait_tls(got, deadline)) return -1;
  }
  return -1;
}

ssize_t Connection::read(char* to, size_t size) {
  if (begin_ == end_) {
    if (request_bytes_ >= max_bytes_) return -1;
    const ssize_t got = receive(buffer_.data(), buffer_.size(), request_deadline_);
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
  while (!tls_) {
    const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    if ((wait_for(socket_, POLLOUT, now() + limits_.write_timeout) & POLLOUT) == 0) return -1;
  }
  if (size == 0) return 0;
  const MonotonicTime deadline = now() + limits_.write_timeout;
  while (!broken_) {
    ERR_clear_error();
    const int sent = SSL_write(tls_.get(), from, static_cast<int>(std::min<size_t>(size, 1u << 20)));
    if (sent > 0) return sent;
    if (!wait_tls(sent, deadline)) {
      broken_ = true;
      ERR_clear_error();
    }
  }
  return -1;
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) name_of(address, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) name_of(address, ip, port);
}

}  // namespace vedette::net
