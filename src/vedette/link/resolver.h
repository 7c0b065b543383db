#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace vedette::link {

/// Looks up one name at a time on a thread of its own, because the system's resolver cannot be interrupted. It is cut
/// to two seconds and one try for each name server, so that the destructor, which joins, does not wait for long.
class Resolver {
 public:
  ~Resolver();
  /// `done` is called on the other thread with an IP address, or with none and why. Not while one is under way.
  void look_up(const std::string& host, std::function<void(std::string ip, std::string why)> done);

 private:
  std::jthread thread_;
};

}  // namespace vedette::link
