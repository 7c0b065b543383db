#include "vedette/broker/frame_bytes.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstring>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/media/jpeg.h"

namespace vedette::broker {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

constexpr uint32_t tag_of(int field) {
  return static_cast<uint32_t>(field) << 3 | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}
constexpr uint32_t kDataTag = tag_of(v1::Frame::kDataFieldNumber);
constexpr size_t kMostHeadBytes = size_t{1} << 16;

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kInvalidData, what); }

/// A frame's message within an outer one, up to where its bytes begin.
std::string head_bytes(int field, const v1::Frame& head, size_t data_bytes) {
  const size_t inner = head.ByteSizeLong() + CodedOutputStream::VarintSize32(kDataTag) +
                       CodedOutputStream::VarintSize64(data_bytes) + data_bytes;
  std::string text;
  text.reserve(64 + head.GetCachedSize());
  StringOutputStream stream(&text);
  CodedOutputStream out(&stream);
  out.WriteTag(tag_of(field));
  out.WriteVarint64(inner);
  head.SerializeWithCachedSizes(&out);
  out.WriteTag(kDataTag);
  out.WriteVarint64(data_bytes);
  out.Trim();
  return text;
}

void release_frame(void* kept) {
  const std::unique_ptr<framelog::FrameRef> own(static_cast<framelog::FrameRef*>(kept));
}

grpc::ByteBuffer buffer_of(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

/// Reads slices one after the other, remembering where it is.
class SliceReader final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit SliceReader(const std::vector<grpc::Slice>& slices) : slices_(slices) {}
  bool Next(const void** data, int* size) override {
    while (slice_ < slices_.size() && at_ == slices_[slice_].size()) {
      ++slice_;
      at_ = 0;
    }
    if (slice_ == slices_.size()) return false;
    *data = slices_[slice_].begin() + at_;
    *size = static_cast<int>(slices_[slice_].size() - at_);
    count_ += *size;
    at_ = slices_[slice_].size();
    return true;
  }
  void BackUp(int count) override {
    at_ -= static_cast<size_t>(count);
    count_ -= count;
  }
  bool Skip(int count) override {
    const void* data = nullptr;
    int size = 0;
    while (count > 0 && Next(&data, &size)) {
      if (size > count) BackUp(size - count);
      count -= std::min(size, count);
    }
    return count == 0;
  }
  int64_t ByteCount() const override { return count_; }

 private:
  const std::vector<grpc::Slice>& slices_;
  size_t slice_ = 0, at_ = 0;
  int64_t count_ = 0;
};

}  // namespace

void to_head(const framelog::RecordInfo& info, Timestamp sent, v1::Frame& head) {
  head.set_sequence(info.sequence);
  head.set_capture_ns(info.time.time_since_epoch().count());
  head.set_encoding(static_cast<v1::Encoding>(static_cast<int>(info.codec) + 1));
  head.set_width(info.width);
  head.set_height(info.height);
  head.set_original_width(info.original_width);
  head.set_original_height(info.original_height);
  head.set_knob(info.knob);
  head.set_inter(!info.key_frame);
  head.set_sent_ns(sent.time_since_epoch().count());
}

framelog::RecordInfo from_head(const v1::Frame& head) {
  constexpr uint32_t kMostSide = 65535;
  if (head.encoding() < v1::JPEG || head.encoding() > v1::H265)
    refuse(fmt::format("a frame with the unknown encoding {}", static_cast<int>(head.encoding())));
  if (head.width() > kMostSide || head.height() > kMostSide || head.original_width() > kMostSide ||
      head.original_height() > kMostSide)
    refuse(fmt::format("a frame of {}x{} pixels; at most {} a side are taken", head.width(), head.height(), kMostSide));
  if (head.capture_ns() < 0) refuse("a frame captured before 1970");
  framelog::RecordInfo info;
  info.time = Timestamp{Duration{head.capture_ns()}};
  if (head.sequence() > 0) info.sequence = head.sequence();
  info.codec = static_cast<framelog::FrameCodec>(head.encoding() - 1);
  info.key_frame = !head.inter();
  info.knob = head.knob();
  info.width = static_cast<uint16_t>(head.width());
  info.height = static_cast<uint16_t>(head.height());
  info.original_width = static_cast<uint16_t>(head.original_width());
  info.original_height = static_cast<uint16_t>(head.original_height());
  return info;
}

framelog::RecordInfo checked_info(framelog::RecordInfo info, std::span<const std::byte> bytes) {
  using framelog::FrameCodec;
  info.time = std::chrono::floor<std::chrono::microseconds>(info.time);
  const auto pixels = size_t{info.width} * info.height;
  size_t wanted = 0;
  switch (info.codec) {
    case FrameCodec::kJpeg: {
      const auto [width, height] = media::jpeg_size({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
      if ((info.width != 0 && info.width != width) || (info.height != 0 && info.height != height))
        refuse(
            fmt::format("a JPEG of {}x{} pixels that is said to have {}x{}", width, height, info.width, info.height));
      info.width = static_cast<uint16_t>(width);
      info.height = static_cast<uint16_t>(height);
      return info;
    }
    case FrameCodec::kH264:
    case FrameCodec::kH265: wanted = bytes.size(); break;
    case FrameCodec::kBgr: wanted = pixels * 3; break;
    case FrameCodec::kGray: wanted = pixels; break;
    case FrameCodec::kI420:
      wanted = pixels + 2 * ((size_t{info.width} + 1) / 2) * ((size_t{info.height} + 1) / 2);
      break;
  }
  if (pixels == 0) refuse("a frame without width or height");
  if (bytes.empty() || bytes.size() != wanted)
    refuse(fmt::format("{} bytes for {}x{} pixels as {}, which take {}", bytes.size(), info.width, info.height,
                       framelog::to_string(info.codec), wanted));
  return info;
}

grpc::ByteBuffer event_of(const v1::Frame& head, const framelog::FrameRef& frame) {
  const auto bytes = frame.bytes();
  auto kept = std::make_unique<framelog::FrameRef>(frame);
  const std::array<grpc::Slice, 2> slices{
      grpc::Slice(head_bytes(v1::Event::kFrameFieldNumber, head, bytes.size())),
      grpc::Slice(const_cast<std::byte*>(bytes.data()), bytes.size(), &release_frame, kept.release())};
  return {slices.data(), slices.size()};
}

grpc::ByteBuffer event_of(const v1::Event& notice) { return buffer_of(notice); }

grpc::ByteBuffer request_of(const v1::Frame& head, std::span<const std::byte> bytes) {
  const std::array<grpc::Slice, 2> slices{
      grpc::Slice(head_bytes(v1::PublishRequest::kFrameFieldNumber, head, bytes.size())),
      grpc::Slice(bytes.data(), bytes.size(), grpc::Slice::STATIC_SLICE)};
  return {slices.data(), slices.size()};
}

grpc::ByteBuffer request_of(const v1::PublishRequest& open) { return buffer_of(open); }

struct FrameMessage::Parts {
  std::vector<grpc::Slice> slices;
  v1::Frame frame;
  bool has_frame = false;
  size_t data_at = 0, data_bytes = 0;
  v1::PublishRequest request;
  v1::Event event;

  /// Takes the message apart; false when it has no frame.
  bool read(int frame_field);
  bool read_frame(CodedInputStream& in);
};

bool FrameMessage::Parts::read_frame(CodedInputStream& in) {
  std::string head;
  StringOutputStream stream(&head);
  {
    CodedOutputStream out(&stream);
    for (uint32_t tag = 0; (tag = in.ReadTag()) != 0;) {
      if (tag == kDataTag) {
        uint32_t size = 0;
        if (!in.ReadVarint32(&size)) return false;
        data_at = static_cast<size_t>(in.CurrentPosition());
        data_bytes = size;
        if (!in.Skip(static_cast<int>(size))) return false;
      } else if (!WireFormatLite::SkipField(&in, tag, &out)) {
        return false;
      }
      if (static_cast<size_t>(out.ByteCount()) > kMostHeadBytes) return false;
    }
  }
  return in.ConsumedEntireMessage() && frame.ParseFromString(head);
}

bool FrameMessage::Parts::read(int frame_field) {
  SliceReader reader(slices);
  CodedInputStream in(&reader);
  in.SetTotalBytesLimit(static_cast<int>(kMaxMessageBytes));
  const uint32_t tag = in.ReadTag();
  if (tag != tag_of(frame_field)) return false;
  uint32_t size = 0;
  if (!in.ReadVarint32(&size) || size > kMaxMessageBytes) refuse("a message that cannot be read");
  const auto end = static_cast<size_t>(in.CurrentPosition()) + size;
  const auto limit = in.PushLimit(static_cast<int>(size));
  if (!read_frame(in) || static_cast<size_t>(in.CurrentPosition()) != end) refuse("a frame that cannot be read");
  in.PopLimit(limit);
  if (in.ReadTag() != 0 || !in.ConsumedEntireMessage()) refuse("a message with more than a frame");
  has_frame = true;
  return true;
}

FrameMessage::FrameMessage() : parts_(std::make_unique<Parts>()) {}
FrameMessage::~FrameMessage() = default;
FrameMessage::FrameMessage(FrameMessage&&) noexcept = default;
FrameMessage& FrameMessage::operator=(FrameMessage&&) noexcept = default;

namespace {

std::vector<grpc::Slice> slices_of(const grpc::ByteBuffer& buffer) {
  if (buffer.Length() > kMaxMessageBytes)
    refuse(fmt::format("a message of {} bytes; at most {} are taken", buffer.Length(), kMaxMessageBytes));
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) refuse("a message that cannot be read");
  return slices;
}

bool parse(const std::vector<grpc::Slice>& slices, google::protobuf::Message& into) {
  SliceReader reader(slices);
  return into.ParseFromZeroCopyStream(&reader);
}

}  // namespace

FrameMessage FrameMessage::of_request(const grpc::ByteBuffer& buffer) {
  FrameMessage message;
  message.parts_->slices = slices_of(buffer);
  if (message.parts_->read(v1::PublishRequest::kFrameFieldNumber)) return message;
  if (buffer.Length() > kMostHeadBytes || !parse(message.parts_->slices, message.parts_->request))
    refuse("a message that is no PublishRequest");
  if (message.parts_->request.has_frame()) refuse("a message that cannot be read");
  return message;
}

FrameMessage FrameMessage::of_event(const grpc::ByteBuffer& buffer) {
  FrameMessage message;
  message.parts_->slices = slices_of(buffer);
  if (message.parts_->read(v1::Event::kFrameFieldNumber)) return message;
  if (buffer.Length() > kMostHeadBytes || !parse(message.parts_->slices, message.parts_->event))
    refuse("a message that is no Event");
  return message;
}

const v1::Frame* FrameMessage::frame() const { return parts_->has_frame ? &parts_->frame : nullptr; }
size_t FrameMessage::frame_bytes() const { return parts_->data_bytes; }
v1::PublishRequest* FrameMessage::request() const { return &parts_->request; }
v1::Event* FrameMessage::event() const { return &parts_->event; }

void FrameMessage::copy_to(std::span<std::byte> into) const {
  VEDETTE_ASSERT(into.size() >= parts_->data_bytes);
  size_t skip = parts_->data_at, left = parts_->data_bytes, at = 0;
  for (const grpc::Slice& slice : parts_->slices) {
    if (left == 0) break;
    if (skip >= slice.size()) {
      skip -= slice.size();
      continue;
    }
    const size_t here = std::min(left, slice.size() - skip);
    std::memcpy(into.data() + at, slice.begin() + skip, here);
    at += here;
    left -= here;
    skip = 0;
  }
  VEDETTE_ASSERT(left == 0);
}

}  // namespace vedette::broker
