#include "vedette/console/long_answer.h"

#include <fmt/format.h>

namespace vedette::console {

bool write_first_boundary(net::Sink& sink) {
  static constexpr std::string_view kBoundary = "--vedette\r\n";
  return sink.write(kBoundary);
}

bool write_part(net::Sink& sink, std::string_view type, std::string_view headers, std::span<const uint8_t> body) {
  static constexpr std::string_view kTail = "\r\n--vedette\r\n";
  const std::string head = fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n{}\r\n", type, body.size(), headers);
  return sink.write(head) && sink.write({reinterpret_cast<const char*>(body.data()), body.size()}) && sink.write(kTail);
}

}  // namespace vedette::console
