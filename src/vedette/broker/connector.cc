#include "vedette/broker/connector.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "vedette/base/log.h"
#include "vedette/broker/service.h"
#include "vedette/media/backoff.h"

namespace vedette::broker {
namespace {

constexpr uint32_t kVersion = 1;

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

Connector::Connector(ClientOptions options) : options_(std::move(options)), addresses_(options_.addresses) {
  if (addresses_.empty()) throw Error(ErrorCode::kUsage, "a client needs a broker's address", "HOST:PORT");
  if (!options_.tls.empty()) tls_ = net::make_client_context(options_.tls);
}

Connector::~Connector() {
  if (connected_ && connected_->stream) connected_->stream->stop();
}

std::shared_ptr<Connected> Connector::present() const {
  const std::lock_guard lock(mutex_);
  return connected_;
}

size_t Connector::brokers() const {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

std::shared_ptr<Connected> Connector::connection() { return connection(now() + options_.call_timeout); }

std::shared_ptr<Connected> Connector::connection(MonotonicTime deadline) {
  if (auto there = present(); there && there->good()) return there;
  const std::unique_lock trying(connecting_,
                                std::chrono::time_point_cast<std::chrono::steady_clock::duration>(deadline));
  if (!trying.owns_lock()) throw Error(ErrorCode::kUnavailable, "no broker answers in time");
  if (auto there = present()) {
    if (there->good()) return there;  // another thread found it
    if (there->stream) there->stream->stop();
  }
  media::Backoff backoff({.initial_seconds = 0.05, .max_seconds = 1}, reinterpret_cast<uintptr_t>(this));
  for (;;) {
    std::optional<Error> fault;
    std::vector<std::string> addresses;
    {
      const std::lock_guard lock(mutex_);
      addresses = addresses_;
    }
    for (const std::string& address : addresses) {
      try {
        auto made = connect(address);
        const std::lock_guard lock(mutex_);
        return connected_ = std::move(made);
      } catch (const Error& e) {
        if (e.code() == ErrorCode::kPermissionDenied || e.code() == ErrorCode::kUsage) throw;
        fault = e;
      }
    }
    const Duration wait = backoff.failed(now());
    if (now() + wait >= deadline) throw Error(*fault);
    std::this_thread::sleep_for(wait);
  }
}

std::shared_ptr<Connected> Connector::connect(const std::string& address) {
  auto made = std::make_shared<Connected>();
  made->channel = std::make_unique<ClientChannel>(address, options_);
  v1::ConnectRequest request;
  request.set_version(kVersion);
  request.set_client(options_.name);
  request.set_host(host_id());
  request.set_resume_session(session_);
  request.add_transports(v1::GRPC);
  if (options_.stream) request.add_transports(v1::STREAM);
  if (options_.shared_memory) request.add_transports(v1::SHARED_MEMORY);
  const auto answer = made->channel->call(&v1::Broker::Stub::Connect, request);
  session_ = made->session = answer.session();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& standby : answer.standbys())
      if (std::find(addresses_.begin(), addresses_.end(), standby) == addresses_.end()) addresses_.push_back(standby);
  }
  if (answer.transport() == v1::GRPC) return made;
  const auto host = address.substr(0, address.rfind(':'));
  for (std::string to : {answer.stream_address(), answer.fallback_address()}) {
    if (to.empty()) continue;
    if (to.starts_with("tcp://:")) to.insert(6, host);
    try {
      made->stream = ClientStream::connect(to, made->session, tls_, options_.call_timeout);
      made->transport = made->stream->shares_memory() ? v1::SHARED_MEMORY : v1::STREAM;
      break;
    } catch (const Error& e) {
      log::warn("broker client: {}", e.line());  // gRPC goes where streams do not
    }
  }
  return made;
}

}  // namespace vedette::broker
