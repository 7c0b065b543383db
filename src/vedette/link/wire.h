#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/frame/frame.h"

namespace google::protobuf {
class MessageLite;
}

namespace vedette::link {

struct OutgoingChannel;

/// One message on a connection: 16 bytes of prefix, a protobuf header (observation.proto), a body of raw bytes.
/// Integers are little endian.
///
///   0  4  magic "VLNK"
///   4  1  major version of the protocol
///   5  1  type
///   6  2  zero
///   8  4  bytes of the header
///   12 4  bytes of the body
///
/// The prefix stays the same in every version.
constexpr size_t kPrefixBytes = 16;
constexpr std::array<uint8_t, 4> kMagic{'V', 'L', 'N', 'K'};
/// A header may become large through many objects; embeddings and pixels are in the body.
constexpr size_t kMaxHeaderBytes = size_t{1} << 20;
/// Before the other side has shown its token.
constexpr size_t kMaxGreetingBytes = 4096;

enum class MessageType : uint8_t {
  kHello = 1,
  kWelcome = 2,
  kRefusal = 3,
  kReady = 4,
  kPing = 5,
  kPong = 6,
  kSharedMemory = 7,
  kSharedMemoryAnswer = 8,
  kOpen = 9,
  kAttach = 10,
  kCredit = 11,
  kDetach = 12,
  kClose = 13,
  kMark = 14,
  kObservation = 15,
};
constexpr uint8_t kLastMessageType = 15;

/// The other side breaks the protocol: the connection is closed and one line logged.
class ProtocolError : public Error {
 public:
  explicit ProtocolError(const std::string& what) : Error(ErrorCode::kInvalidData, what) {}
};

struct Prefix {
  uint8_t major = 0;
  MessageType type = MessageType::kHello;
  size_t header_bytes = 0;
  size_t body_bytes = 0;
};

/// What a reader takes, by how far the connection is.
struct WireLimits {
  size_t header_bytes = kMaxGreetingBytes;
  size_t body_bytes = 0;
};

/// Throws ProtocolError: wrong magic, unknown type, too long. Of another major version only greetings are let through.
Prefix parse_prefix(std::span<const uint8_t, kPrefixBytes> bytes, const WireLimits& limits);
void write_prefix(std::span<uint8_t, kPrefixBytes> bytes, MessageType type, size_t header_bytes, size_t body_bytes,
                  uint8_t major);

/// Prefix and header of a message without a body, ready to be written.
std::vector<uint8_t> pack(MessageType type, const google::protobuf::MessageLite& header);
/// Throws ProtocolError when the bytes are no such header.
void unpack(std::span<const uint8_t> bytes, google::protobuf::MessageLite& header);

/// A span of memory that goes out or comes in as it is. `keep` owns it.
struct Piece {
  const uint8_t* data = nullptr;
  size_t bytes = 0;
};

/// A message on its way out. The pieces are valid as long as `keep` is there.
struct OutgoingMessage {
  std::vector<uint8_t> head;  ///< prefix and header
  std::vector<Piece> pieces;  ///< the body
  std::vector<std::shared_ptr<const void>> keep;
  std::vector<int> descriptors;  ///< passed along with the first byte; borrowed
  OutgoingChannel* channel = nullptr;  ///< whose observation it is; kept, too
  std::shared_ptr<const Frame> traced;  ///< its steps are recorded
  size_t body_bytes() const;
  void clear();
};

}  // namespace vedette::link
