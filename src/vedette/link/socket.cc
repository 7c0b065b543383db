#include "vedette/link/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "vedette/base/error.h"

namespace vedette::link {
namespace {

/// So that a picture fits into a socket at once and nobody waits in its middle; the system may give less.
constexpr int kBufferBytes = 4 << 20;
/// What has not left the machine yet is bounded all the same: a picture in the kernel's queue can no longer be dropped
/// for a newer one.
constexpr int kMostNotSentBytes = 1 << 20;
constexpr size_t kMostDescriptors = 5;
constexpr size_t kMostVectors = 512;
constexpr int kBacklog = 64;

Socket::Result failure(int why) {
  if (why == EAGAIN || why == EWOULDBLOCK || why == EINTR || why == EINPROGRESS) return {Socket::Progress::kWait};
  if (why == ECONNRESET || why == EPIPE) return {Socket::Progress::kClosed};
  return {Socket::Progress::kFailed, 0, std::strerror(why)};  // NOLINT(concurrency-mt-unsafe): glibc's is safe
}

void set_up(int fd, bool is_unix) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes);
  if (is_unix) return;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMostNotSentBytes, sizeof kMostNotSentBytes);
}

sockaddr_un unix_name(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), name.sun_path);
  return name;
}

struct TcpName {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// `passive`: to listen on, when a name may be looked up on the spot.
TcpName tcp_name(const std::string& host, int port, bool passive) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : AI_NUMERICHOST);
  addrinfo* found = nullptr;
  const int fault = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (fault != 0)
    throw Error(ErrorCode::kNotFound, "the link host '" + host + "' is not known: " + gai_strerror(fault));
  TcpName name;
  std::memcpy(&name.storage, found->ai_addr, found->ai_addrlen);
  name.size = found->ai_addrlen;
  freeaddrinfo(found);
  return name;
}

}  // namespace

/// OpenSSL's connection may be used by one thread at a time only.
struct Socket::Tls {
  explicit Tls(std::unique_ptr<SSL, void (*)(SSL*)> c) : connection(std::move(c)) {
    SSL_set_mode(connection.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  Result result_of(int returned) const {
    switch (SSL_get_error(connection.get(), returned)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return {Progress::kWait};
      case SSL_ERROR_ZERO_RETURN: return {Progress::kClosed};
      default: break;
    }
    return {Progress::kFailed, 0, net::explain_tls_failure(connection.get(), returned)};
  }

  std::mutex mutex;
  std::unique_ptr<SSL, void (*)(SSL*)> connection;
};

Socket::Socket(Descriptor descriptor, bool is_unix) : descriptor_(std::move(descriptor)), is_unix_(is_unix) {
  set_up(fd(), is_unix);
}

Socket::~Socket() = default;

void Socket::secure_as_server(SSL_CTX& context) {
  ssl_ = std::make_unique<Tls>(net::make_server_connection(context, fd()));
}

void Socket::secure_as_client(SSL_CTX& context, const std::string& host) {
  ssl_ = std::make_unique<Tls>(net::make_client_connection(context, fd(), host));
}

Socket::Result Socket::handshake() {
  const std::lock_guard lock(ssl_->mutex);
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_->connection.get());
  return done == 1 ? Result{} : ssl_->result_of(done);
}

Socket::Result Socket::finish_connecting() const {
  int why = 0;
  socklen_t size = sizeof why;
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
  if (why != 0) return {Progress::kFailed, 0, std::strerror(why)};  // NOLINT(concurrency-mt-unsafe)
  TcpName peer;
  peer.size = sizeof peer.storage;
  return getpeername(fd(), peer.get(), &peer.size) == 0 ? Result{} : Result{Progress::kWait};
}

Socket::Result Socket::read(std::span<const iovec> into, std::vector<Descriptor>& received) {
  if (ssl_) {
    const std::lock_guard lock(ssl_->mutex);
    ERR_clear_error();
    size_t sum = 0;
    for (const iovec& part : into) {
      for (size_t at = 0; at < part.iov_len;) {
        size_t bytes = 0;
        const int done =
            SSL_read_ex(ssl_->connection.get(), static_cast<char*>(part.iov_base) + at, part.iov_len - at, &bytes);
        if (done != 1) return sum > 0 ? Result{Progress::kSome, sum} : ssl_->result_of(done);
        at += bytes;
        sum += bytes;
      }
    }
    return {Progress::kSome, sum};
  }
  if (!is_unix_) {
    const ssize_t bytes = readv(fd(), into.data(), static_cast<int>(std::min(into.size(), kMostVectors)));
    if (bytes > 0) return {Progress::kSome, static_cast<size_t>(bytes)};
    return bytes == 0 ? Result{Progress::kClosed} : failure(errno);
  }
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(into.data());
  message.msg_iovlen = std::min(into.size(), kMostVectors);
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t bytes = recvmsg(fd(), &message, MSG_CMSG_CLOEXEC);
  if (bytes < 0) return failure(errno);
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int passed = -1;
      std::memcpy(&passed, CMSG_DATA(at) + i * sizeof(int), sizeof passed);
      Descriptor owner(passed);  // closes what is too many
      if (received.size() < kMostDescriptors) received.push_back(std::move(owner));
    }
  }
  return bytes > 0 ? Result{Progress::kSome, static_cast<size_t>(bytes)} : Result{Progress::kClosed};
}

Socket::Result Socket::write(std::span<const iovec> from, std::span<const int> descriptors) {
  if (ssl_) {
    const std::lock_guard lock(ssl_->mutex);
    ERR_clear_error();
    size_t sum = 0;
    for (const iovec& part : from) {
      for (size_t at = 0; at < part.iov_len;) {
        size_t bytes = 0;
        const int done = SSL_write_ex(ssl_->connection.get(), static_cast<const char*>(part.iov_base) + at,
                                      part.iov_len - at, &bytes);
        if (done != 1) return sum > 0 ? Result{Progress::kSome, sum} : ssl_->result_of(done);
        at += bytes;
        sum += bytes;
      }
    }
    return {Progress::kSome, sum};
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());
  message.msg_iovlen = std::min(from.size(), kMostVectors);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  if (!descriptors.empty()) {
    VEDETTE_ASSERT(is_unix_ && descriptors.size() <= kMostDescriptors);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* at = CMSG_FIRSTHDR(&message);
    at->cmsg_level = SOL_SOCKET;
    at->cmsg_type = SCM_RIGHTS;
    at->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(at), descriptors.data(), descriptors.size_bytes());
  }
  const ssize_t bytes = sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return bytes >= 0 ? Result{Progress::kSome, static_cast<size_t>(bytes)} : failure(errno);
}

void Socket::shut_down() const { ::shutdown(fd(), SHUT_RDWR); }

std::unique_ptr<Socket> start_connecting(const Address& address, const std::string& host_ip) {
  const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int connected = 0;
  Descriptor fd;
  if (address.is_unix()) {
    fd = Descriptor(::socket(AF_UNIX, kind, 0));
    const sockaddr_un name = unix_name(address.path);
    connected = fd.valid() ? ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) : -1;
  } else {
    TcpName name = tcp_name(host_ip, address.port, false);
    fd = Descriptor(::socket(name.storage.ss_family, kind, 0));
    connected = fd.valid() ? ::connect(fd.get(), name.get(), name.size) : -1;
  }
  if (connected != 0 && errno != EINPROGRESS) throw_errno(errno, "cannot reach " + address.text());
  return std::make_unique<Socket>(std::move(fd), address.is_unix());
}

Descriptor listen_on(Address& address) {
  const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const auto fail = [&] { throw_errno(errno, "cannot listen on " + address.text()); };
  if (address.is_unix()) {
    const sockaddr_un name = unix_name(address.path);
    const auto* at = reinterpret_cast<const sockaddr*>(&name);
    {
      const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (probe.valid() && ::connect(probe.get(), at, sizeof name) != 0 && errno == ECONNREFUSED)
        ::unlink(address.path.c_str());
    }
    Descriptor fd(::socket(AF_UNIX, kind, 0));
    if (!fd.valid()) fail();
    ::fchmod(fd.get(), 0600);  // what bind() then makes has these rights
    if (::bind(fd.get(), at, sizeof name) != 0 || ::listen(fd.get(), kBacklog) != 0) fail();
    return fd;
  }
  TcpName name = tcp_name(address.host, address.port, true);
  Descriptor fd(::socket(name.storage.ss_family, kind, 0));
  const int on = 1;
  if (!fd.valid()) fail();
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), name.get(), name.size) != 0 || ::listen(fd.get(), kBacklog) != 0) fail();
  name.size = sizeof name.storage;
  if (::getsockname(fd.get(), name.get(), &name.size) != 0) fail();
  address.port =
      ntohs(name.storage.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port
                                              : reinterpret_cast<const sockaddr_in6*>(&name.storage)->sin6_port);
  return fd;
}

std::unique_ptr<Socket> accept_on(int listener, bool is_unix, std::string& from) {
  TcpName name;
  name.size = sizeof name.storage;
  Descriptor fd(::accept4(listener, name.get(), &name.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) return nullptr;
  from = "a Unix socket";
  if (!is_unix) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    getnameinfo(name.get(), name.size, host.data(), host.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
    from = std::string(host.data()) + ":" + port.data();
  }
  return std::make_unique<Socket>(std::move(fd), is_unix);
}

}  // namespace vedette::link
