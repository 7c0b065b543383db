#pragma once

#include <vector>

#include "vedette/sim/engine.h"
#include "vedette/sim/event_queue.h"

namespace vedette::sim {

/// Frame by frame. A node has a pool of as many threads as it has cores, first come first served; what is being worked
/// on shares the cores in equal parts (sources and links work beside the pool, so there may be more of it than cores).
/// A camera's frames are decoded one at a time. The first reader of what a thread made goes before all others, as in
/// graph/. A link sends one message after the other.
///
/// Queues do what graph/ does: `latest` keeps the newest one, `drop_oldest` lets the oldest go, and who writes into a
/// `block` queue takes nothing up before there is room for what comes of it.
class FrameEngine final : public Engine {
 public:
  FrameEngine(const World& world, Environment& environment, const Wiring& wiring, uint64_t seed);

  void advance(Nanos until) override;
  void rewire() override;
  void kill(int node) override;
  double queued(int lane) const override { return static_cast<double>(lanes_[static_cast<size_t>(lane)].count); }
  Balance balance() const override;
  void check(std::vector<std::string>& faults) const override;

 private:
  static constexpr uint32_t kNil = ~uint32_t{0};
  enum EventKind : uint32_t { kFrame, kDone, kSent, kArrived };
  enum class State : uint8_t { kFree, kQueued, kWorked, kEncoded, kOnLink, kFlying, kDecoded, kHeld };

  struct Token {
    Nanos born = 0;      // when the frame came to its source
    Nanos since = 0;     // in this state
    uint32_t next = kNil;
    int32_t where = 0;   // lane, or from kEncoded to kHeld a wire; kNone: taken away
    int32_t node = 0;    // that works on it
    float objects = 0;
    State state = State::kFree;
    bool pooled = false;  // holds one of its node's threads
  };
  struct LaneState {
    uint32_t head = kNil, tail = kNil, count = 0;
    uint32_t reserved = 0;   // room promised to what is being worked on before it
    uint32_t working = 0;
    uint32_t next = kNil;    // in its node's or its server's list
    bool listed = false;
    bool parked = false;     // until a reader has room
    double next_pass = 0;    // of a rate
    // From the wiring and the costs, so that they lie beside the rest.
    uint32_t capacity = 1;
    bool blocks = false;
    bool latest = true;
  };
  struct ServerState {
    bool busy = false;
    uint32_t head = kNil, tail = kNil;  // lanes that wait for it
  };
  struct Task {
    double finish = 0;       // in the node's virtual time
    uint64_t order = 0;
    uint32_t token = kNil;
    bool operator>(const Task& other) const {
      return finish != other.finish ? finish > other.finish : order > other.order;
    }
  };
  struct NodeState {
    std::vector<Task> tasks;  // a heap
    double virtual_time = 0;  // work done for each task, in seconds at speed 1
    Nanos at = 0;
    double cores = 1, speed = 1;
    uint32_t threads = 1, busy = 0;
    uint32_t head = kNil, tail = kNil;  // lanes that are ready
    uint32_t generation = 0;
    bool changed = false;
  };
  struct WireState {
    uint32_t outstanding = 0;  // not yet taken up by the other end; of one that drops: not yet sent
    uint32_t reserved = 0;
    uint32_t head = kNil, tail = kNil;  // held at the other end until there is room
    bool blocks = false;
  };
  struct LinkQueue {
    uint32_t head = kNil, tail = kNil;
    bool sending = false;
    Nanos last_arrival = 0;
  };

  // Frames (frame_engine.cc).
  void on_frame(uint32_t stream);
  void plan_frame(uint32_t stream);
  void put(int lane, uint32_t token);
  void wake(int lane);
  void enlist(int lane);
  bool may_take(int lane) const;
  void reserve(int lane, int sign);
  void take(int lane);
  void made_room(int lane);
  void pump(int node);
  void finish_work(uint32_t token);
  bool passes(int lane, const Token& token);
  void emit(int lane, uint32_t token);
  // Processors (frame_work.cc).
  void touch(int node);
  void start_task(int node, uint32_t token, double work);
  void on_done(int node, uint32_t generation);
  void settle();
  // Links (frame_links.cc).
  void send(int wire, uint32_t token, bool encode);
  void into_link(uint32_t token);
  void next_on_link(int link);
  void on_sent(int link);
  void on_arrived(uint32_t token);
  void hold(uint32_t token);
  void hand_over(int wire);
  double bytes_of(int wire, const Token& token) const;
  double picture_of(int wire) const;
  bool dead_end(const Wire& wire) const { return !alive(wire.to_node) || wire.readers.count == 0; }

  uint32_t make(const Token& like);
  void free(uint32_t token);
  void drop(uint32_t token, Drop why);
  void drop_queue(uint32_t head, Drop why);

  EventQueue events_;
  Nanos now_ = 0;
  uint64_t task_order_ = 0;
  std::vector<Token> tokens_;
  uint32_t free_ = kNil;
  std::vector<LaneState> lanes_;
  std::vector<ServerState> servers_;
  std::vector<NodeState> nodes_;
  std::vector<WireState> wires_;
  std::vector<LinkQueue> links_;
  std::vector<uint32_t> on_link_;  // token that a link is sending
  std::vector<int> changed_;       // nodes
  int goes_next_ = kNone;          // node whose next lane to become ready goes to the head of its list
  std::vector<uint64_t> frame_;    // of each camera
  std::vector<double> phase_;
  std::vector<Random> camera_random_;
  std::vector<Spread> spreads_;    // of each stage
  Random random_;
};

}  // namespace vedette::sim
