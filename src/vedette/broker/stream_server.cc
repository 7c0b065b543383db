#include "vedette/broker/stream_server.h"

#include <unistd.h>

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/stream_session.h"

namespace vedette::broker {
namespace {

link::EndpointOptions context_options(const StreamServerOptions& options) {
  link::EndpointOptions o;
  o.node = "broker";
  o.tls = options.tls;
  o.max_message_bytes = kMaxMessageBytes;
  o.shared_memory_bytes = 0;
  o.keep_alive = std::chrono::duration_cast<std::chrono::milliseconds>(options.keep_alive);
  return o;
}

}  // namespace

class StreamServer::Running {
 public:
  Running(StreamServerOptions options, Core& core)
      : options_(std::move(options)),
        core_(core),
        context_(std::make_shared<link::Context>(context_options(options_),
                                                 [this](MonotonicTime now) { return tick(now); })) {
    if (!options_.tls.empty()) context_->server_tls = net::make_server_context(options_.tls);
    for (const std::string& text : options_.listen) {
      auto listener = std::make_shared<Listener>();
      listener->owner = this;
      listener->address = link::parse_address(text);
      const std::string why =
          link::why_not_allowed(listener->address, !options_.tls.empty(), core.options().authority != nullptr);
      if (!why.empty()) throw Error(ErrorCode::kInvalidConfig, why, "name certificate, key and authority");
      listener->socket = link::listen_on(listener->address);
      addresses_.push_back(listener->address.text());
      context_->loop.add(listener->socket.get(), listener);
      listeners_.push_back(std::move(listener));
    }
    context_->loop.start();
  }
  ~Running() {
    context_->loop.post([this] {
      for (const auto& listener : listeners_) context_->loop.remove(listener->socket.get());
      for (const auto& session : std::vector(sessions_)) session->close("");
    });
    context_->loop.stop();
    context_->workers.stop();
    for (const auto& session : sessions_) session->forget();
    for (const auto& listener : listeners_)
      if (listener->address.is_unix()) ::unlink(listener->address.path.c_str());
  }
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  struct Listener final : link::IoLoop::Handler {
    Running* owner = nullptr;
    link::Address address;
    link::Descriptor socket;
    void on_ready() override { owner->accept(*this); }
  };

  void accept(const Listener& listener) {
    std::string from;
    const bool is_unix = listener.address.is_unix();
    while (auto socket = link::accept_on(listener.socket.get(), is_unix, from)) {
      if (sessions_.size() >= options_.max_connections) {
        context_->warn_rarely("broker full", "broker: too many streams; one from " + from + " is turned away");
        continue;
      }
      const auto session = std::make_shared<StreamSession>(context_, core_, from, is_unix);
      sessions_.push_back(session);
      session->open(std::move(socket), !is_unix && !options_.tls.empty());
    }
  }

  MonotonicTime tick(MonotonicTime now) {
    MonotonicTime next = MonotonicTime::max();
    for (const auto& session : std::vector(sessions_)) next = std::min(next, session->tick(now));
    std::erase_if(sessions_, [&](const auto& session) {
      if (!session->finished(now)) return false;
      session->forget();
      return true;
    });
    return next == MonotonicTime::max() ? now + std::chrono::seconds(1) : next;
  }

  const StreamServerOptions options_;
  Core& core_;
  std::vector<std::string> addresses_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::shared_ptr<StreamSession>> sessions_;  // of the loop's thread
  std::shared_ptr<link::Context> context_;
};

StreamServer::StreamServer(StreamServerOptions options, Core& core)
    : running_(std::make_shared<Running>(std::move(options), core)) {}
StreamServer::~StreamServer() = default;
const std::vector<std::string>& StreamServer::addresses() const { return running_->addresses(); }

}  // namespace vedette::broker
