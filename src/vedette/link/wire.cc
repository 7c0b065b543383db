#include "vedette/link/wire.h"

#include <google/protobuf/message_lite.h>

#include <algorithm>

#include "vedette/link/endpoint.h"

namespace vedette::link {
namespace {

uint32_t load32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 8 | static_cast<uint32_t>(at[2]) << 16 |
         static_cast<uint32_t>(at[3]) << 24;
}

void store32(uint8_t* at, size_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

Prefix parse_prefix(std::span<const uint8_t, kPrefixBytes> bytes, const WireLimits& limits) {
  if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    throw ProtocolError("it does not speak the link protocol (wrong magic)");
  Prefix prefix;
  prefix.major = bytes[4];
  const uint8_t type = bytes[5];
  if (type == 0 || type > kLastMessageType)
    throw ProtocolError("a message of the unknown type " + std::to_string(type));
  prefix.type = static_cast<MessageType>(type);
  if (prefix.major != kProtocolMajor && prefix.type > MessageType::kRefusal)
    throw ProtocolError("a message of protocol " + std::to_string(prefix.major) + " after the greeting");
  prefix.header_bytes = load32(&bytes[8]);
  prefix.body_bytes = load32(&bytes[12]);
  if (prefix.header_bytes > limits.header_bytes)
    throw ProtocolError("a header of " + std::to_string(prefix.header_bytes) + " bytes; at most " +
                        std::to_string(limits.header_bytes) + " are taken");
  if (prefix.body_bytes > limits.body_bytes)
    throw ProtocolError("a message body of " + std::to_string(prefix.body_bytes) + " bytes; at most " +
                        std::to_string(limits.body_bytes) + " are taken");
  if (prefix.body_bytes > 0 && prefix.type != MessageType::kObservation)
    throw ProtocolError("a body after a message that has none");
  return prefix;
}

void write_prefix(std::span<uint8_t, kPrefixBytes> bytes, MessageType type, size_t header_bytes, size_t body_bytes,
                  uint8_t major) {
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[4] = major;
  bytes[5] = static_cast<uint8_t>(type);
  bytes[6] = bytes[7] = 0;
  store32(&bytes[8], header_bytes);
  store32(&bytes[12], body_bytes);
}

std::vector<uint8_t> pack(MessageType type, const google::protobuf::MessageLite& header) {
  const size_t header_bytes = header.ByteSizeLong();
  std::vector<uint8_t> bytes(kPrefixBytes + header_bytes);
  write_prefix(std::span<uint8_t, kPrefixBytes>(bytes.data(), kPrefixBytes), type, header_bytes, 0, kProtocolMajor);
  header.SerializeWithCachedSizesToArray(bytes.data() + kPrefixBytes);
  return bytes;
}

void unpack(std::span<const uint8_t> bytes, google::protobuf::MessageLite& header) {
  if (!header.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw ProtocolError("a header that is no " + header.GetTypeName());
}

size_t OutgoingMessage::body_bytes() const {
  size_t sum = 0;
  for (const Piece& piece : pieces) sum += piece.bytes;
  return sum;
}

void OutgoingMessage::clear() {
  head.clear();
  pieces.clear();
  keep.clear();
  descriptors.clear();
  channel = nullptr;
  traced.reset();
}

}  // namespace vedette::link
