// What a client sends to a broker: any bytes are a message of Publish or Subscribe, or are refused with one line. The
// first byte says how the rest is cut into slices, as gRPC may cut it.
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/broker/frame_bytes.h"

namespace {

template <typename Read>
void read(const grpc::ByteBuffer& buffer, Read read_message) {
  try {
    const auto message = read_message(buffer);
    if (!message.frame()) return;
    std::vector<std::byte> bytes(message.frame_bytes());
    if (bytes.size() > buffer.Length()) std::abort();
    message.copy_to(bytes);
    vedette::broker::check_frame_bytes(vedette::broker::from_head(*message.frame()), bytes);
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
  read(buffer, &vedette::broker::FrameMessage::of_request);
  read(buffer, &vedette::broker::FrameMessage::of_event);
  return 0;
}
