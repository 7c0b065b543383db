// What a peer sends on a link: any bytes are cut into messages and observations, or refused with one line. The first
// two bytes say how the rest is cut into reads; a body of random bytes is taken as JPEG, too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/link/message_reader.h"
#include "vedette/link/observation_decoder.h"
#include "vedette/link/receive_order.h"

namespace {

using vedette::link::MessageType, vedette::link::Prefix;

struct Peer final : vedette::link::MessageSink {
  Peer() { order.attach(1, 4); }
  std::span<const std::span<uint8_t>> on_header(const Prefix& prefix, std::span<const uint8_t> header) override {
    observation = prefix.type == MessageType::kObservation;
    if (!observation) return {};
    return decoder.begin(header, prefix.body_bytes, clock);
  }
  void on_message() override {
    if (!observation) return;
    auto received = decoder.finish();
    uint64_t gaps = 0;
    for (const auto& gap : received.gaps) gaps += std::min(gap.second, UINT64_MAX - gaps);
    order.observation(received.number, gaps);
    order.grant(1);
    order.due();
    const auto made = assemble(std::move(received), stream, pool);
    if (made.frame().picture && made.frame().picture->width() != made.frame().width) std::abort();
  }
  bool observation = false;
  vedette::BufferPool pool;
  vedette::link::ClockOffset clock;
  vedette::link::ObservationDecoder decoder{pool};
  vedette::link::ReceiveOrder order{4};
  std::shared_ptr<const vedette::StreamInfo> stream = std::make_shared<const vedette::StreamInfo>();
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t most = 1 + data[0] + size_t{data[1]} * 64;
  Peer peer;
  vedette::link::MessageReader reader(peer);
  reader.set_limits({vedette::link::kMaxHeaderBytes, size_t{1} << 22});
  std::span<const uint8_t> rest(data + 2, size - 2);
  try {
    while (!rest.empty()) {
      size_t put = 0, left = std::min(most, rest.size());
      for (const iovec& target : reader.targets()) {
        const size_t here = std::min(left, target.iov_len);
        std::memcpy(target.iov_base, rest.data() + put, here);
        put += here;
        left -= here;
      }
      if (put == 0) std::abort();
      reader.advance(put);
      rest = rest.subspan(put);
    }
  } catch (const vedette::Error& e) {
    if (e.line().empty()) std::abort();
  }
  return 0;
}
