#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "vedette/framelog/bounds.h"
#include "vedette/framelog/knob_table.h"

namespace vedette::broker {

/// The wireless channels that cameras send to this broker over, by name, and what each camera may send so that together
/// they keep their bounds (framelog::ChannelShare). A channel is there while it has members. Thread-safe.
class Channels {
  struct Channel;

 public:
  /// One quality of one camera on a channel; leaves it when it goes. May outlive Channels. Thread-safe.
  class Member {
   public:
    struct Arrival {
      uint32_t combination = 0;
      size_t bytes = 0;
      MonotonicTime at;    ///< when the frame was whole here
      Duration network{};  ///< until then, since it was ready to be sent
      Duration compute{};  ///< what comes after and counts towards the bound
    };

    Member(std::shared_ptr<Channel> channel, uint64_t number, std::shared_ptr<const framelog::KnobTable> table);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    /// What is known of its frames is learnt anew. Throws as framelog::check().
    void set_bounds(const framelog::Bounds& bounds);
    /// A frame came. Gives back the limit for the policy at the camera, bytes of a mean frame; 0: none.
    double arrived(const Arrival& arrival);

   private:
    const std::shared_ptr<Channel> channel_;
    const uint64_t number_;
    const std::shared_ptr<const framelog::KnobTable> table_;
  };

  /// `table` is not empty. Throws Error(kExhausted) beyond ChannelShare::kMostCameras members, and as
  /// framelog::check().
  std::unique_ptr<Member> join(const std::string& channel, std::shared_ptr<const framelog::KnobTable> table,
                               const framelog::Bounds& bounds);
  /// Those with members.
  size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Channel>> channels_;
  uint64_t last_ = 0;
};

}  // namespace vedette::broker
