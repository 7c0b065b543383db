#include "vedette/broker/peers.h"

#include <condition_variable>
#include <mutex>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/broker/client_channel.h"
#include "vedette/broker/clock_exchange.h"

namespace vedette::broker {
namespace {

constexpr Duration kRegisterEvery = std::chrono::milliseconds(500);
constexpr Duration kLongestBackoff = std::chrono::seconds(4);

void pause(const std::stop_token& stop, Duration time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

Registrar::Registrar(Core& core, std::string advertised, const ClientOptions& options)
    : core_(core), advertised_(std::move(advertised)) {
  for (const std::string& server : options.addresses) {
    ClientOptions one = options;
    one.addresses = {server};
    threads_.emplace_back([this, one](const std::stop_token& stop) { run(stop, one); });
  }
}

Registrar::~Registrar() {
  for (auto& thread : threads_) thread.request_stop();
}

void Registrar::run(const std::stop_token& stop, const ClientOptions& options) const {
  name_this_thread("register");
  const std::string& server = options.addresses.front();
  bool up = false, told = false;
  link::ClockOffset server_ahead;
  Duration wait = kRegisterEvery;
  std::unique_ptr<ClientChannel> channel;
  while (!stop.stop_requested()) {
    try {
      if (!channel) channel = std::make_unique<ClientChannel>(server, options);
      v1::RegisterRequest request;
      request.set_broker(core_.options().name);
      request.set_address(advertised_);
      request.set_channel(core_.options().channel);
      if (server_ahead.known()) {
        request.mutable_clock()->set_known(true);
        request.mutable_clock()->set_offset_ns(-server_ahead.offset().count());
        request.mutable_clock()->set_round_trip_ns(server_ahead.rtt().count());
      }
      for (auto& info : core_.own_cameras()) *request.add_cameras() = std::move(info);
      const auto sent = Clock::system().now();
      const auto answer = channel->call(&v1::Broker::Stub::Register, request);
      add_exchange(server_ahead, sent, answer.clock(), Clock::system().now());
      if (!up) log::info("registered at the broker {}", server);
      up = true;
      told = false;
      wait = kRegisterEvery;
    } catch (const Error& e) {
      if (!std::exchange(told, true)) log::warn("cannot register: {}", e.line());
      up = false;
      wait = std::min(wait * 2, kLongestBackoff);
    }
    pause(stop, wait);
  }
  if (!up) return;
  try {
    v1::UnregisterRequest request;
    request.set_broker(core_.options().name);
    channel->call(&v1::Broker::Stub::Unregister, request);
  } catch (const Error& e) {
    log::debug("cannot unregister: {}", e.line());
  }
}

Standby::Standby(Core& core, ClientOptions options, Duration lease)
    : core_(core), options_(std::move(options)), lease_(lease) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Standby::~Standby() {
  thread_.request_stop();
  thread_.join();
}

void Standby::run(const std::stop_token& stop) const {
  name_this_thread("standby");
  bool told = false, stands_by = false;
  while (!stop.stop_requested()) {
    try {
      const ClientChannel channel(options_.addresses.front(), options_);
      grpc::ClientContext context;
      channel.prepare(context, Duration::zero());
      const std::stop_callback cancel(stop, [&] { context.TryCancel(); });
      v1::ReplicateRequest request;
      request.set_broker(core_.options().name);
      const auto reader = channel.stub().Replicate(&context, request);
      v1::Replica change;
      while (reader->Read(&change)) {
        core_.adopt(change, lease_ * 5);
        if (!change.has_all_sent()) continue;
        log::info("standing by for the broker {}", options_.addresses.front());
        told = false;
        stands_by = true;
      }
      if (std::exchange(stands_by, false) && !stop.stop_requested()) {
        const size_t qualities = core_.take_over();
        log::warn("the broker {} is lost: {} qualities are fetched for its subscribers", options_.addresses.front(),
                  qualities);
      }
      channel.check(reader->Finish());
    } catch (const Error& e) {
      if (!stop.stop_requested() && !std::exchange(told, true)) log::warn("standby: {}", e.line());
    }
    pause(stop, kRegisterEvery);
  }
}

}  // namespace vedette::broker
