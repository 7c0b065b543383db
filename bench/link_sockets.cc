// Bare sockets: 16 bytes of header (time, length), then the picture, by one writev(); the reader reads into one buffer.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <stdexcept>

#include "link_bench.h"

namespace vedette::bench {
namespace {

void read_all(int fd, uint8_t* at, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::recv(fd, at, bytes, 0);
    if (n <= 0) throw std::runtime_error("recv failed");
    at += n;
    bytes -= static_cast<size_t>(n);
  }
}

class RawSocket final : public Way {
 public:
  explicit RawSocket(bool tcp) : tcp_(tcp) {}
  std::string name() const override { return tcp_ ? "raw TCP, no delay" : "raw Unix socket"; }

  void receive(Shared& shared, const Case& c) override {
    const int listener = ::socket(tcp_ ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_un un = unix_name(shared, c);
    if (::bind(listener, tcp_ ? reinterpret_cast<sockaddr*>(&in) : reinterpret_cast<sockaddr*>(&un),
               tcp_ ? sizeof in : sizeof un) != 0 ||
        ::listen(listener, 1) != 0)
      throw std::runtime_error("listen failed");
    socklen_t size = sizeof in;
    if (tcp_) ::getsockname(listener, reinterpret_cast<sockaddr*>(&in), &size);
    shared.port = tcp_ ? ntohs(in.sin_port) : 1;
    const int fd = ::accept(listener, nullptr, nullptr);
    std::vector<uint8_t> picture(c.bytes);
    for (uint64_t i = 0; i < c.messages; ++i) {
      int64_t header[2];
      read_all(fd, reinterpret_cast<uint8_t*>(header), sizeof header);
      read_all(fd, picture.data(), picture.size());
      shared.arrived(header[0], picture.data(), picture.size());
    }
    ::close(fd);
    ::close(listener);
  }

  void send(Shared& shared, const Case& c) override {
    const int fd = ::socket(tcp_ ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port = htons(static_cast<uint16_t>(shared.port.load()));
    sockaddr_un un = unix_name(shared, c);
    if (::connect(fd, tcp_ ? reinterpret_cast<sockaddr*>(&in) : reinterpret_cast<sockaddr*>(&un),
                  tcp_ ? sizeof in : sizeof un) != 0)
      throw std::runtime_error("connect failed");
    const int on = 1;
    if (tcp_) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto pictures = make_pictures(c.bytes);
    const Pace pace(c);
    for (uint64_t i = 0; i < c.messages; ++i) {
      pace.wait(i);
      int64_t header[2] = {now_ns(), static_cast<int64_t>(c.bytes)};
      iovec parts[2] = {{header, sizeof header}, {pictures[i % kPictures].data(), c.bytes}};
      for (size_t left = sizeof header + c.bytes; left > 0;) {
        const ssize_t n = ::writev(fd, parts, 2);
        if (n <= 0) throw std::runtime_error("writev failed");
        left -= static_cast<size_t>(n);
        size_t skip = static_cast<size_t>(n);
        for (iovec& part : parts) {
          const size_t here = std::min(skip, part.iov_len);
          part.iov_base = static_cast<char*>(part.iov_base) + here;
          part.iov_len -= here;
          skip -= here;
        }
      }
    }
    wait_for([&] { return shared.received.load() >= c.messages; });
    ::close(fd);
  }

 private:
  static sockaddr_un unix_name(const Shared& shared, const Case& c) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = c.file(shared, "raw.sock");
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    return name;
  }
  const bool tcp_;
};

}  // namespace

std::unique_ptr<Way> raw_tcp() { return std::make_unique<RawSocket>(true); }
std::unique_ptr<Way> raw_unix() { return std::make_unique<RawSocket>(false); }

}  // namespace vedette::bench
