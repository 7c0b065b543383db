#include "vedette/broker/frame_bytes.h"

#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/broker/testing.h"

namespace vedette::broker {
namespace {

std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string text;
  for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

grpc::ByteBuffer in_slices(const std::string& text, size_t most) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < text.size(); at += most) slices.emplace_back(text.substr(at, most));
  return {slices.data(), slices.size()};
}

TEST(FrameBytes, AreWhatProtobufWouldWrite) {
  const auto jpeg = test_jpeg(3);
  v1::Frame head;
  to_head(info_at(Timestamp{std::chrono::seconds(5)}), Timestamp{Duration{7}}, head);
  v1::PublishRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(text_of(request_of(head, jpeg))));
  EXPECT_EQ(parsed.frame().capture_ns(), 5'000'000'000);
  EXPECT_EQ(parsed.frame().data().size(), jpeg.size());
}

TEST(FrameBytes, AreReadHoweverTheyAreCut) {
  v1::PublishRequest request;
  request.mutable_frame()->set_data(std::string(1000, 'x'));
  request.mutable_frame()->set_capture_ns(9);
  for (const size_t most : {1, 2, 3, 17, 999, 5000}) {
    const auto message = FrameMessage::of_request(in_slices(request.SerializeAsString(), most));
    ASSERT_TRUE(message.frame());
    EXPECT_EQ(message.frame()->capture_ns(), 9);
    std::vector<std::byte> bytes(message.frame_bytes());
    message.copy_to(bytes);
    EXPECT_EQ(bytes, std::vector<std::byte>(1000, std::byte{'x'}));
  }
}

TEST(FrameBytes, RefuseWhatIsNoMessage) {
  v1::PublishRequest request;
  request.mutable_frame()->set_data(std::string(100, 'x'));
  const std::string whole = request.SerializeAsString();
  for (size_t bytes = 1; bytes < whole.size(); ++bytes)
    EXPECT_THROW(FrameMessage::of_request(in_slices(whole.substr(0, bytes), 16)), Error) << bytes;
}

TEST(FrameBytes, MustBeWhatTheHeadSays) {
  auto info = info_at(Timestamp{});
  checked_info(info, test_jpeg(1));
  EXPECT_THROW(checked_info(info, std::vector<std::byte>(50)), Error);
  info.width = 65;
  EXPECT_THROW(checked_info(info, test_jpeg(1)), Error);
  info.codec = framelog::FrameCodec::kI420;
  info.width = 5;
  info.height = 3;
  checked_info(info, std::vector<std::byte>(15 + 2 * 6));
  EXPECT_THROW(checked_info(info, std::vector<std::byte>(15)), Error);
}

}  // namespace
}  // namespace vedette::broker
