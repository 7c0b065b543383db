#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>

#include "vedette/base/time.h"
#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/observation.h"

namespace vedette::graph {

/// What a module keeps between observations, from which the executor knows what may run at the same time.
enum class Concurrency {
  kStateless,  ///< nothing: one instance, process() is called from many threads at once
  kPerStream,  ///< state of one stream: one instance a stream, each called from one thread at a time, streams side by
               ///< side
  kGlobal,  ///< state over all streams: one instance, called from one thread at a time
};

/// What an observation may hold. A module declares what it reads and what it adds; an application in which something is
/// read that nothing before it adds is refused.
enum class Facet : unsigned {
  kNone = 0,
  kPixels = 1u << 0,  ///< raw pixels (Frame::picture)
  kObjects = 1u << 1,  ///< boxes
  kTracks = 1u << 2,  ///< track ids on the objects
  kEvents = 1u << 3,
  kCrops = 1u << 4,  ///< pixels of each object
};
constexpr Facet operator|(Facet a, Facet b) {
  return static_cast<Facet>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Facet operator&(Facet a, Facet b) {
  return static_cast<Facet>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr Facet operator~(Facet a) { return static_cast<Facet>(~static_cast<unsigned>(a)); }

/// Where a module hands on what it made. Valid only during the call it was passed to, and only on that thread.
class Emit {
 public:
  virtual ~Emit() = default;
  /// Hands an observation to every module downstream. Never blocks; order of calls is kept.
  virtual void operator()(Observation observation) = 0;
  /// Says that an observation is on purpose not handed on, and why ("no_motion"). Counted under that reason.
  virtual void drop(std::string_view reason) = 0;
};

/// What the surroundings offer a module. Outlives the module.
class ModuleContext {
 public:
  std::string application;
  std::string module;  ///< its name within the application
  std::shared_ptr<const StreamInfo> stream;  ///< kPerStream: the instance's stream; null otherwise
  BufferPool* pool = nullptr;  ///< for pictures the module makes
  const Clock* clock = &Clock::system();

  /// A thing the process offers (the live hub, say); null when this process has none.
  template <typename T>
  T* service() const {
    const auto found = services_ ? services_->find(typeid(T)) : Services::const_iterator{};
    return services_ && found != services_->end() ? static_cast<T*>(found->second) : nullptr;
  }

  using Services = std::unordered_map<std::type_index, void*>;
  void set_services(const Services* services) { services_ = services; }

 private:
  const Services* services_ = nullptr;
};

/// How many observations a module likes to be handed at once.
struct BatchLimits {
  size_t largest = 1;  ///< at most so many
  Duration longest_wait{0};  ///< wait so long after the first for the batch to fill; 0: take what is there
};

/// A named function from observations to observations. This comment is the specification; an author needs nothing else.
///
/// Life. The constructor takes the module's typed settings and does nothing dear. start() is called once, before any
/// observation; it loads models, opens files, and throws vedette::Error when it cannot: the application is then refused
/// as a whole. process() is called once an observation (or process_batch() once a batch, for a module whose batch()
/// allows more than one). end_of_stream() is called once after a stream's last observation; what it emits goes
/// downstream before the end does. stop() is called once after the last call of all, also when the application is
/// stopped in the midst of things, but not when start() threw.
///
/// Threads. start(), stop() and end_of_stream() are never called while another call to the same instance runs.
/// process() is called from pool threads: for kStateless from several at once, for kPerStream and kGlobal from one at a
/// time (not always the same thread; what one call wrote the next one sees).
///
/// Order. Within a stream, a kPerStream or kGlobal module sees observations in the order in which they were emitted
/// upstream. What a kStateless module emits is put back into the order of its input before it goes on. Between streams
/// there is no order.
///
/// Input. An observation is immutable and may be in other modules' hands at the same time. Its sequence numbers may
/// have gaps (dropped frames) but, of one input, never go back; a module with several inputs that cares must sort. A
/// frame's size may change in mid-stream.
///
/// Failure. A throw from process() or process_batch() costs those observations only: they are counted as errors, the
/// first of a run is logged with stream and frame, and the module is called again with the next. State must be left
/// usable.
///
/// Time. process() must not sleep or wait for the network: it runs on one of few pool threads. A module that talks to
/// slow things owns a bounded queue and a thread for that, and joins it in stop(). A call that does not return keeps
/// its thread; once the module is to go, it is waited for only so long and then left behind (see network.h).
class Module {
 public:
  virtual ~Module() = default;

  virtual void start(const ModuleContext& /*context*/) {}
  virtual void process(const Observation& observation, Emit& emit) = 0;
  /// Observations of one or more streams, those of a stream in order. Emits in the same order, at most one observation
  /// for each.
  virtual void process_batch(std::span<const Observation> observations, Emit& emit) {
    for (const auto& observation : observations) process(observation, emit);
  }
  /// Asked once after start().
  virtual BatchLimits batch() const { return {}; }
  virtual void end_of_stream(const StreamInfo& /*stream*/, Emit& /*emit*/) {}
  virtual void stop() {}
};

}  // namespace vedette::graph
