// gRPC: one stream of raw byte buffers (no protobuf, which would only add to it), without encryption.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <condition_variable>
#include <mutex>

#include "link_bench.h"

namespace vedette::bench {
namespace {

class Sink final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Sink(Shared& shared) : shared_(shared) { StartRead(&buffer_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    std::vector<grpc::Slice> slices;
    buffer_.Dump(&slices);
    int64_t sent = 0;
    if (slices.size() == 1 || slices[0].size() >= sizeof sent) std::memcpy(&sent, slices[0].begin(), sizeof sent);
    shared_.arrived(sent, slices.back().begin(), slices.back().size());
    StartRead(&buffer_);
  }
  void OnDone() override { const std::unique_ptr<Sink> own(this); }

 private:
  Shared& shared_;
  grpc::ByteBuffer buffer_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(Shared& shared) : shared_(shared) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return std::make_unique<Sink>(shared_).release();
  }

 private:
  Shared& shared_;
};

class Grpc final : public Way {
 public:
  std::string name() const override { return "gRPC byte buffers"; }

  void receive(Shared& shared, const Case& c) override {
    Service service(shared);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterCallbackGenericService(&service);
    const auto server = builder.BuildAndStart();
    shared.port = port;
    wait_for([&] { return shared.received.load() >= c.messages; }, 60);
    server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

  void send(Shared& shared, const Case& c) override {
    auto pictures = make_pictures(c.bytes);
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    const auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(shared.port.load()),
                                                   grpc::InsecureChannelCredentials(), arguments);
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareCall(&context, "/bench/stream", &queue);
    void* tag = nullptr;
    bool ok = false;
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    const Pace pace(c);
    for (uint64_t i = 0; i < c.messages && ok; ++i) {
      pace.wait(i);
      const int64_t sent = now_ns();
      const std::array<grpc::Slice, 2> slices{
          grpc::Slice(&sent, sizeof sent),
          grpc::Slice(pictures[i % kPictures].data(), c.bytes, grpc::Slice::STATIC_SLICE)};
      call->Write(grpc::ByteBuffer(slices.data(), slices.size()), nullptr);
      queue.Next(&tag, &ok);
    }
    call->WritesDone(nullptr);
    queue.Next(&tag, &ok);
    wait_for([&] { return shared.received.load() >= c.messages; });
    context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
  }
};

}  // namespace

std::unique_ptr<Way> grpc_stream() { return std::make_unique<Grpc>(); }

}  // namespace vedette::bench
