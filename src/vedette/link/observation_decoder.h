#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/observation.h"
#include "vedette/link/clock_offset.h"
#include "vedette/link/labels.h"
#include "vedette/link/shared_ring.h"

namespace vedette::link {

/// An observation that has come in, with its JPEGs not yet decoded.
struct ReceivedObservation {
  uint32_t channel = 0;
  uint32_t attachment = 0;
  uint64_t number = 0;
  std::vector<std::pair<std::string, uint64_t>> gaps;
  MonotonicTime sent{};  ///< in our clock
  Frame frame;           ///< without its stream
  std::vector<Object> objects;
  std::vector<Event> events;
  std::vector<Zone> zones;
  std::vector<std::pair<size_t, std::shared_ptr<Bytes>>> crop_jpegs;  ///< by object
  size_t body_bytes = 0;
  size_t shared_bytes = 0;

  bool needs_decoding() const { return (frame.jpeg && !frame.picture) || !crop_jpegs.empty(); }
};

/// Decodes what is JPEG and joins the parts. Throws Error(kInvalidData | kExhausted) for a JPEG that is none, or of
/// another size than was said.
Observation assemble(ReceivedObservation received, std::shared_ptr<const StreamInfo> stream, BufferPool& pool);

/// Reads the observations of one connection. A message is checked whole (formats, sizes against the body's length,
/// labels, leases) before anything is allocated for it.
class ObservationDecoder {
 public:
  explicit ObservationDecoder(BufferPool& pool) : pool_(pool) {}

  void set_shared(std::shared_ptr<SharedReader> shared) { shared_ = std::move(shared); }
  /// Reads the header and says where the body goes. Throws ProtocolError, Error(kExhausted).
  std::span<const std::span<uint8_t>> begin(std::span<const uint8_t> header, size_t body_bytes,
                                            const ClockOffset& clock);
  /// The body is there.
  ReceivedObservation finish();

 private:
  BufferPool& pool_;
  std::shared_ptr<SharedReader> shared_;
  LabelTables labels_;
  ReceivedObservation received_;
  std::vector<std::span<uint8_t>> body_;
  std::vector<float> embeddings_;
  std::vector<size_t> embedding_floats_;  // by object
};

}  // namespace vedette::link
