#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "vedette/net/message.h"

namespace vedette::console {

/// Has the answer be what `stream->write_next(sink)` writes, until that returns false.
template <typename Stream>
void answer_stream(net::Response& response, const char* type, std::shared_ptr<Stream> stream) {
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Accel-Buffering", "no");
  response.content_type = type;
  response.stream = [stream = std::move(stream)](net::Sink& sink) { return stream->write_next(sink); };
}

/// Parts that replace one another. What follows each part is the boundary of the next, so that a viewer can show it at
/// once; write_first_boundary() comes before them all.
inline constexpr const char* kMultipart = "multipart/x-mixed-replace; boundary=vedette";
bool write_first_boundary(net::Sink& sink);
/// `headers`: further lines, each with its line end. False as Sink::write().
bool write_part(net::Sink& sink, std::string_view type, std::string_view headers, std::span<const uint8_t> body);

}  // namespace vedette::console
