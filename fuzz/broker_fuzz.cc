// What a client sends to a broker: any bytes are a message of Publish or Subscribe, or are refused with one line. The
// first byte says how the rest is cut into slices, as gRPC may cut it. What an event says of a camera's knobs divides a
// channel, and what comes out is a limit.
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/channels.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/broker/given_limits.h"
#include "vedette/broker/knob_rows.h"

namespace {

template <typename Read, typename Others>
void read(const grpc::ByteBuffer& buffer, Read read_message, Others others) {
  try {
    const auto message = read_message(buffer);
    if (!message.frame()) return others(message);
    std::vector<std::byte> bytes(message.frame_bytes());
    if (bytes.size() > buffer.Length()) std::abort();
    message.copy_to(bytes);
    static_cast<void>(vedette::broker::checked_info(vedette::broker::from_head(*message.frame()), bytes));
  } catch (const vedette::Error& e) {
    if (e.line().empty()) std::abort();
  }
}

/// Two cameras with this table on one channel.
void divide(const vedette::broker::v1::KnobTable& message) {
  using vedette::Duration;
  try {
    const auto table = std::make_shared<const vedette::framelog::KnobTable>(
        vedette::broker::checked_table(vedette::broker::rows_of(message)));
    vedette::broker::Channels channels;
    const auto a = channels.join("air", table, {}), b = channels.join("air", table, {});
    vedette::broker::GivenLimits limits;
    vedette::MonotonicTime at{};
    for (const auto& row : table->rows()) {
      at += std::chrono::milliseconds(100);
      for (const auto& member : {a.get(), b.get()}) {
        const double limit = member->arrived({row.id, static_cast<size_t>(row.bytes_mean), at,
                                              vedette::from_milliseconds(row.cost_ms), Duration{message.rows_size()}});
        if (!std::isfinite(limit) || limit < 0) std::abort();
        limits.give("server", limit, at);
        if (limits.least(at) != limit) std::abort();
      }
    }
  } catch (const vedette::Error& e) {
    if (e.line().empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t most = 1 + data[0];
  std::vector<grpc::Slice> slices;
  for (size_t at = 1; at < size; at += most) slices.emplace_back(data + at, std::min(most, size - at));
  const grpc::ByteBuffer buffer(slices.data(), slices.size());
  using vedette::broker::FrameMessage;
  read(buffer, &FrameMessage::of_request, [](const FrameMessage&) {});
  read(buffer, &FrameMessage::of_event, [](const FrameMessage& message) {
    if (message.event()->has_table()) divide(message.event()->table());
  });
  return 0;
}
