// HTTP with msgpack: one POST a picture over a connection that is kept, as VideoPipe and many other systems do it.
#include <httplib.h>
#include <netinet/tcp.h>

#include <msgpack.hpp>
#include <thread>

#include "link_bench.h"

namespace vedette::bench {
namespace {

class HttpMsgpack final : public Way {
 public:
  std::string name() const override { return "HTTP + msgpack"; }

  void receive(Shared& shared, const Case& c) override {
    httplib::Server server;
    server.set_tcp_nodelay(true);
    server.set_keep_alive_max_count(kMostMessages);
    server.set_payload_max_length(size_t{64} << 20);
    server.Post("/observation", [&](const httplib::Request& request, httplib::Response& response) {
      const msgpack::object_handle handle = msgpack::unpack(request.body.data(), request.body.size());
      const msgpack::object& message = handle.get();
      const auto& picture = message.via.array.ptr[1].via.bin;
      shared.arrived(message.via.array.ptr[0].as<int64_t>(), reinterpret_cast<const uint8_t*>(picture.ptr),
                     picture.size);
      response.status = 204;
    });
    const int port = server.bind_to_any_port("127.0.0.1");
    std::thread thread([&] { server.listen_after_bind(); });
    shared.port = port;
    wait_for([&] { return shared.received.load() >= c.messages; }, 60);
    server.stop();
    thread.join();
  }

  void send(Shared& shared, const Case& c) override {
    auto pictures = make_pictures(c.bytes);
    httplib::Client client("127.0.0.1", shared.port.load());
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    const Pace pace(c);
    for (uint64_t i = 0; i < c.messages; ++i) {
      pace.wait(i);
      msgpack::sbuffer buffer;
      msgpack::packer<msgpack::sbuffer> packer(buffer);
      packer.pack_array(2);
      packer.pack_int64(now_ns());
      packer.pack_bin(static_cast<uint32_t>(c.bytes));
      packer.pack_bin_body(reinterpret_cast<const char*>(pictures[i % kPictures].data()),
                           static_cast<uint32_t>(c.bytes));
      if (!client.Post("/observation", buffer.data(), buffer.size(), "application/msgpack")) return;
    }
  }
};

}  // namespace

std::unique_ptr<Way> http_msgpack() { return std::make_unique<HttpMsgpack>(); }

}  // namespace vedette::bench
