#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace vedette::cli {

struct ServerEvent {
  std::string name;  ///< "message" when none was given
  std::string data;
};

/// Takes server-sent events (HTML Living Standard §9.2.6) out of a byte stream: events with data, without ids and retry
/// times. Lines end in LF or CRLF. An event of more than 1 MiB throws Error(kInvalidData).
class EventStream {
 public:
  void feed(std::string_view bytes, const std::function<void(const ServerEvent&)>& on_event);

 private:
  void take_line(std::string_view line, const std::function<void(const ServerEvent&)>& on_event);

  std::string rest_;
  std::string name_;
  std::string data_;
};

}  // namespace vedette::cli
