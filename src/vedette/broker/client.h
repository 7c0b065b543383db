#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/broker/feed.h"
#include "vedette/framelog/knob_table.h"
#include "vedette/framelog/record.h"
#include "vedette/net/tls.h"

namespace vedette::broker {

class Connector;

struct ClientOptions {
  std::vector<std::string> addresses;  ///< "HOST:PORT" of the broker and, after it, of those that take over
  std::string token;                   ///< "vdt_…"; may be empty on loopback
  net::TlsFiles tls;                   ///< all three, or none on loopback
  std::string name = "vedette";        ///< for the broker's logs
  bool shared_memory = true;           ///< transports to offer, best first; calls by gRPC always work
  bool stream = true;
  Duration call_timeout = std::chrono::seconds(5);
  Duration give_up = std::chrono::seconds(30);  ///< a lost broker, or its standby, must answer within so long
};

/// How far another machine's clock is ahead of this one's; wrong by at most half of `round_trip`.
struct ClockAhead {
  bool known = false;
  Duration offset{0};
  Duration round_trip{0};
};

struct CameraAbout {
  std::string camera;
  bool live = false;
  int width = 0, height = 0;
  framelog::FrameCodec codec = framelog::FrameCodec::kJpeg;
  double frames_a_second = 0;
  std::optional<Timestamp> oldest, newest;  ///< kept
  uint64_t frames = 0, bytes = 0;           ///< kept
  std::string broker;
  ClockAhead clock;                         ///< camera's against the broker's
  uint32_t subscribers = 0;
  uint64_t epoch = 0;  ///< of the frames' numbers: another one, and they began anew
  uint64_t stored_before = 0;  ///< frames with smaller numbers outlive a power cut; 0: no store
  std::string store_trouble;   ///< why nothing is stored at present
};

struct SubscribeOptions {
  std::string camera;
  std::optional<Timestamp> begin{};  ///< absent: from now
  std::optional<Timestamp> end{};    ///< absent: never
  double latency_ms = 0;             ///< 0: no bound
  double accuracy = 0;               ///< 0: no bound
  double compute_ms = 0;             ///< what the application takes for an untouched frame
  uint32_t max_side_px = 0;          ///< 0: as captured
  uint32_t max_behind = 0;           ///< frames; 0: the broker's default
  uint64_t after_sequence = 0;       ///< resume behind this frame …
  uint64_t after_epoch = 0;          ///< … of this epoch (0: the present one), else behind …
  Timestamp after_time{};            ///< … its time; a gap from 0 says that the numbers began anew
  bool wants_table = false;          ///< kTable follows kStarted, of bounded frames at the camera's own broker
};

/// What a subscription hands out: a frame, or a notice.
struct Received {
  enum class Kind { kFrame, kStarted, kGap, kInfeasible, kSetting, kClock, kResumed, kEnd, kTable } kind = Kind::kFrame;

  // kFrame
  framelog::RecordInfo info;         ///< capture time by the camera's clock
  Timestamp sent{};                  ///< left the broker, by its clock
  std::span<const std::byte> bytes;  ///< as long as `keep` lives. In shared memory: five seconds after the connection
                                     ///< broke at most, so copy what must stay
  std::shared_ptr<const void> keep;
  bool direct = false;  ///< out of the publisher's memory, before the broker had it (lane.h)

  // kGap
  uint64_t first = 0, last = 0;
  GapReason reason = GapReason::kUnknown;
  // kInfeasible: what was wanted, and what would be feasible
  bool over = false;
  double wanted_latency_ms = 0, wanted_accuracy = 0, feasible_latency_ms = 0, feasible_accuracy = 0;
  // kSetting
  uint32_t knob = 0;
  std::string setting;
  double expected_accuracy = 0, expected_bytes = 0;
  double limit_bytes = 0;  ///< in force when it was chosen; 0: none
  // kTable: what the policy chooses from, unchecked
  std::vector<framelog::Combination> table;
  // kStarted, kClock
  std::string subscription;
  CameraAbout camera;
  ClockAhead clock;
  // kEnd (1 reached, 2 unsubscribed, 3 camera gone, 4 broker ends, 5 token ended), kInfeasible
  int end_reason = 0;
  std::string line;
};

/// One subscription. next() from one thread; the others from any.
class ClientSubscription {
 public:
  virtual ~ClientSubscription() = default;
  /// The next frame or notice; nothing at the deadline, or after the end. A broker that is lost is looked for again
  /// (kResumed and a gap tell of it); throws Error(kUnavailable) when none answers in ClientOptions::give_up, and what
  /// the broker refused the subscription with.
  virtual std::optional<Received> next(MonotonicTime deadline) = 0;
  virtual bool ended() const = 0;
  virtual void set_target(double latency_ms, double accuracy) = 0;
  struct Seen {
    uint64_t sequence = 0, bytes = 0;
    Duration latency{0}, compute{0};
  };
  /// What was seen of frames: chooses the quality of the next ones. `limit_bytes`: FeedbackRequest in broker.proto.
  virtual void feedback(std::span<const Seen> seen, std::optional<double> limit_bytes) = 0;
  void feedback(std::span<const Seen> seen) { feedback(seen, std::nullopt); }
  virtual void cancel() = 0;
};

/// One publication; one thread at a time.
class ClientPublication {
 public:
  virtual ~ClientPublication() = default;
  /// Returns when the bytes are not needed any more. Throws what the broker refused an earlier frame with, and
  /// Error(kUnavailable) when it is lost; the next call then tries again.
  virtual void send(const framelog::RecordInfo& info, std::span<const std::byte> bytes) = 0;
  /// Waits until the broker has taken everything; frames it took.
  virtual uint64_t finish() = 0;
};

/// A client of a broker: agrees at Connect on how frames move (shared memory on one host, a stream, or gRPC), and goes
/// to a standby when the broker is lost. Thread-safe; subscriptions and publications must not outlive it.
class Client {
 public:
  /// Connects. Throws Error(kUnavailable | kPermissionDenied | kUsage).
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// "shared memory", "stream" or "grpc".
  std::string transport() const;
  std::vector<CameraAbout> cameras(const std::string& glob = {});
  CameraAbout camera(const std::string& name);
  /// The broker's clock against this machine's.
  ClockAhead clock();
  std::unique_ptr<ClientSubscription> subscribe(SubscribeOptions options);
  /// Throws what the broker refuses it with.
  std::unique_ptr<ClientPublication> publish(const std::string& camera, double frames_a_second = 0);

 private:
  std::shared_ptr<Connector> connector_;
};

}  // namespace vedette::broker
