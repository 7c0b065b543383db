// ZeroMQ PUSH/PULL over TCP, without a copy where it can.
#include <zmq.hpp>

#include "link_bench.h"

namespace vedette::bench {
namespace {

class ZeroMq final : public Way {
 public:
  std::string name() const override { return "ZeroMQ PUSH/PULL"; }

  void receive(Shared& shared, const Case& c) override {
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::pull);
    socket.bind("tcp://127.0.0.1:*");
    const std::string at = socket.get(zmq::sockopt::last_endpoint);
    shared.port = std::stoi(at.substr(at.rfind(':') + 1));
    for (uint64_t i = 0; i < c.messages; ++i) {
      zmq::message_t header, picture;
      if (!socket.recv(header) || !socket.recv(picture)) return;
      shared.arrived(*header.data<int64_t>(), picture.data<uint8_t>(), picture.size());
    }
  }

  void send(Shared& shared, const Case& c) override {
    auto pictures = make_pictures(c.bytes);
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::push);
    socket.set(zmq::sockopt::sndhwm, 8);
    socket.connect("tcp://127.0.0.1:" + std::to_string(shared.port.load()));
    const Pace pace(c);
    for (uint64_t i = 0; i < c.messages; ++i) {
      pace.wait(i);
      const int64_t sent = now_ns();
      zmq::message_t header(&sent, sizeof sent);
      zmq::message_t picture(pictures[i % kPictures].data(), c.bytes, [](void*, void*) {}, nullptr);
      socket.send(header, zmq::send_flags::sndmore);
      socket.send(picture, zmq::send_flags::none);
    }
    wait_for([&] { return shared.received.load() >= c.messages; });
  }
};

}  // namespace

std::unique_ptr<Way> zeromq() { return std::make_unique<ZeroMq>(); }

}  // namespace vedette::bench
