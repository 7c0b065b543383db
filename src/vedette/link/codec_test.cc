#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "vedette/link/message_reader.h"
#include "vedette/link/observation_decoder.h"
#include "vedette/link/observation_encoder.h"
#include "vedette/link/testing.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {
namespace {

using testing::same_pixels, testing::test_picture, testing::test_stream;

std::vector<uint8_t> bytes_of(const OutgoingMessage& message) {
  std::vector<uint8_t> bytes = message.head;
  for (const Piece& piece : message.pieces) bytes.insert(bytes.end(), piece.data, piece.data + piece.bytes);
  return bytes;
}

/// A connection's receiving side without the connection.
struct Receiving : MessageSink {
  explicit Receiving(BufferPool& pool) : decoder(pool) { reader.set_limits({kMaxHeaderBytes, size_t{64} << 20}); }
  std::span<const std::span<uint8_t>> on_header(const Prefix& prefix, std::span<const uint8_t> header) override {
    return decoder.begin(header, prefix.body_bytes, clock);
  }
  void on_message() override { received.push_back(decoder.finish()); }
  /// In pieces of at most `most` bytes.
  void feed(std::span<const uint8_t> bytes, std::mt19937& random, size_t most) {
    while (!bytes.empty()) {
      const size_t size = std::min<size_t>(bytes.size(), 1 + random() % most);
      size_t left = size;
      size_t put = 0;
      for (const iovec& target : reader.targets()) {
        const size_t here = std::min(left, target.iov_len);
        std::memcpy(target.iov_base, bytes.data() + put, here);
        put += here;
        left -= here;
      }
      reader.advance(put);
      bytes = bytes.subspan(put);
    }
  }
  ObservationDecoder decoder;
  ClockOffset clock;
  MessageReader reader{*this};
  std::vector<ReceivedObservation> received;
};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  std::mt19937& engine() { return engine_; }
  bool chance(uint32_t percent) { return engine_() % 100 < percent; }
  int below(int n) { return static_cast<int>(engine_() % static_cast<uint32_t>(n)); }
  float real() { return static_cast<float>(engine_() % 100000) / 7.f; }
  int64_t wide() { return static_cast<int64_t>(static_cast<uint64_t>(engine_()) << 31 ^ engine_()); }
  std::string word() { return std::string(static_cast<size_t>(below(12)), static_cast<char>('a' + below(26))); }
  PixelFormat format() { return static_cast<PixelFormat>(below(3)); }

 private:
  std::mt19937 engine_;
};

Observation random_observation(Random& random, const std::vector<std::shared_ptr<const Labels>>& tables) {
  Frame frame;
  frame.stream = test_stream();
  frame.sequence = static_cast<uint64_t>(random.wide());
  frame.capture_time = Timestamp{Duration{random.wide()}};
  frame.capture_clock = static_cast<CaptureClock>(random.below(3));
  frame.arrival = MonotonicTime{Duration{random.wide()}};
  frame.position = Duration{random.wide()};
  if (random.chance(30)) frame.trace = TraceId::make();
  frame.width = 1 + random.below(130);
  frame.height = 1 + random.below(90);
  // A knob may have made the picture smaller than what the camera took, in which all is measured.
  const int less = random.chance(30) ? 2 : 1;
  const int width = (frame.width + less - 1) / less, height = (frame.height + less - 1) / less;
  if (random.chance(80)) {
    auto picture = test_picture(width, height, random.engine()(), random.format());
    picture->full_range = random.chance(50);
    picture->matrix = random.chance(50) ? ColorMatrix::kBt709 : ColorMatrix::kBt601;
    frame.picture = std::move(picture);
  }
  if (random.chance(30))
    frame.jpeg = std::make_shared<const Bytes>(media::encode_jpeg(*test_picture(width, height, 1), 80));
  std::vector<Object> objects(static_cast<size_t>(random.below(6)));
  for (Object& o : objects) {
    o.box = {random.real(), -random.real(), random.real(), random.real()};
    o.class_id = random.below(2000) - 1000;
    o.score = random.real() / 20000;
    if (random.chance(70)) o.labels = tables[static_cast<size_t>(random.below(static_cast<int>(tables.size())))];
    if (random.chance(50)) o.track_id = random.wide();
    if (random.chance(30)) o.crop = test_picture(1 + random.below(40), 1 + random.below(40), 9, random.format());
    if (random.chance(30)) {
      std::vector<float> embedding(static_cast<size_t>(random.below(600)));
      for (float& f : embedding) f = random.real();
      o.embedding = std::make_shared<const std::vector<float>>(std::move(embedding));
    }
    for (int i = random.below(3); i > 0; --i) o.attributes.emplace_back(random.word(), random.word());
  }
  std::vector<Event> events(static_cast<size_t>(random.below(3)));
  for (Event& e : events) {
    e.kind = static_cast<EventKind>(random.below(5));
    e.time = Timestamp{Duration{random.wide()}};
    e.zone = random.word();
    e.label = random.word();
    if (random.chance(50)) e.track_id = random.wide();
    e.box = {random.real(), random.real(), random.real(), random.real()};
    e.count = -random.wide();
    e.dwell_seconds = static_cast<double>(random.real());
  }
  std::vector<Zone> zones(static_cast<size_t>(random.below(3)));
  for (Zone& z : zones) {
    z.name = random.word();
    for (int i = random.below(5); i > 0; --i) z.points.push_back({random.real(), random.real()});
  }
  return Observation(std::make_shared<const Frame>(std::move(frame)))
      .with_objects(std::move(objects))
      .with_events(std::move(events))
      .with_zones(std::make_shared<const std::vector<Zone>>(std::move(zones)));
}

void expect_same(const Observation& a, const Observation& b) {
  const Frame &f = a.frame(), &g = b.frame();
  EXPECT_EQ(f.sequence, g.sequence);
  EXPECT_EQ(f.capture_time, g.capture_time);
  EXPECT_EQ(f.capture_clock, g.capture_clock);
  EXPECT_EQ(f.arrival, g.arrival);
  EXPECT_EQ(f.position, g.position);
  EXPECT_EQ(f.trace, g.trace);
  EXPECT_EQ(f.width, g.width);
  EXPECT_EQ(f.height, g.height);
  EXPECT_EQ(f.jpeg != nullptr, g.jpeg != nullptr);
  EXPECT_TRUE(!f.jpeg || !g.jpeg || *f.jpeg == *g.jpeg);
  EXPECT_EQ(f.picture || f.jpeg, g.picture != nullptr);
  EXPECT_TRUE(!f.picture || !g.picture || same_pixels(*f.picture, *g.picture));
  ASSERT_EQ(a.objects().size(), b.objects().size());
  for (size_t i = 0; i < a.objects().size(); ++i) {
    const Object &o = a.objects()[i], &p = b.objects()[i];
    EXPECT_EQ(o.box, p.box);
    EXPECT_EQ(o.class_id, p.class_id);
    EXPECT_EQ(o.score, p.score);
    EXPECT_EQ(o.label(), p.label());
    EXPECT_EQ(o.labels != nullptr, p.labels != nullptr);
    EXPECT_EQ(o.track_id, p.track_id);
    EXPECT_EQ(o.attributes, p.attributes);
    EXPECT_EQ(o.crop != nullptr, p.crop != nullptr);
    EXPECT_TRUE(!o.crop || !p.crop || same_pixels(*o.crop, *p.crop));
    if (o.embedding && !o.embedding->empty()) {
      ASSERT_TRUE(p.embedding);
      EXPECT_EQ(*o.embedding, *p.embedding);
    }
  }
  ASSERT_EQ(a.events().size(), b.events().size());
  for (size_t i = 0; i < a.events().size(); ++i) {
    const Event &e = a.events()[i], &d = b.events()[i];
    EXPECT_TRUE(e.kind == d.kind && e.time == d.time && e.zone == d.zone && e.label == d.label &&
                e.track_id == d.track_id && e.box == d.box && e.count == d.count && e.dwell_seconds == d.dwell_seconds);
  }
  ASSERT_EQ(a.zones().size(), b.zones().size());
  for (size_t i = 0; i < a.zones().size(); ++i)
    EXPECT_TRUE(a.zones()[i].name == b.zones()[i].name && a.zones()[i].points == b.zones()[i].points);
}

ObservationEncoder::Plan plain_plan() {
  ObservationEncoder::Plan plan;
  plan.channel = 3;
  plan.max_message_bytes = size_t{64} << 20;
  return plan;
}

TEST(Codec, RandomObservationsSurviveTheWay) {
  std::vector<std::shared_ptr<const Labels>> tables;
  for (int i = 0; i < 4; ++i) tables.push_back(std::make_shared<const Labels>(Labels{"a", "b" + std::to_string(i)}));
  BufferPool pool;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ObservationEncoder encoder;
    Receiving receiving(pool);
    for (uint64_t n = 0; n < 5; ++n) {
      const Observation observation = random_observation(random, tables);
      auto plan = plain_plan();
      plan.number = n;
      plan.gaps[GapReason::kDeadline] = n;
      OutgoingMessage message;
      ASSERT_TRUE(encoder.encode(observation, plan, message));
      receiving.feed(bytes_of(message), random.engine(), seed % 2 ? 100 : 100000);
      ASSERT_EQ(receiving.received.size(), n + 1);
      ReceivedObservation& received = receiving.received.back();
      EXPECT_EQ(received.channel, 3u);
      EXPECT_EQ(received.number, n);
      EXPECT_EQ(received.gaps.size(), n > 0 ? 1u : 0u);
      expect_same(observation, assemble(std::move(received), test_stream(), pool));
    }
  }
}

TEST(Codec, PicturesWithOtherStridesAreRepacked) {
  auto wide = test_picture(300, 40, 5, PixelFormat::kBgr);
  const auto narrow = Picture::wrap(PixelFormat::kBgr, 100, 40, {wide->plane(0).data, nullptr, nullptr},
                                    {wide->plane(0).stride_bytes, 0, 0}, wide);
  BufferPool pool;
  Receiving receiving(pool);
  std::mt19937 random(1);
  ObservationEncoder encoder;
  OutgoingMessage message;
  const Observation observation = testing::test_observation(1, narrow);
  ASSERT_TRUE(encoder.encode(observation, plain_plan(), message));
  EXPECT_EQ(message.pieces.size(), 40u) << "a row each";
  receiving.feed(bytes_of(message), random, 5000);
  expect_same(observation, assemble(std::move(receiving.received.at(0)), test_stream(), pool));
}

TEST(Codec, ManyLabelTablesBeginAnew) {
  BufferPool pool;
  Receiving receiving(pool);
  std::mt19937 random(1);
  ObservationEncoder encoder;
  for (int n = 0; n < 200; ++n) {
    std::vector<Object> objects(7);
    for (size_t i = 0; i < objects.size(); ++i)
      objects[i].labels = std::make_shared<const Labels>(Labels{std::to_string(n) + "/" + std::to_string(i)});
    const Observation observation = testing::test_observation(0).with_objects(std::move(objects));
    OutgoingMessage message;
    ASSERT_TRUE(encoder.encode(observation, plain_plan(), message));
    receiving.feed(bytes_of(message), random, 5000);
    expect_same(observation, assemble(std::move(receiving.received.back()), test_stream(), pool));
  }
}

TEST(Codec, TextNeedNotBeUtf8) {
  BufferPool pool;
  Receiving receiving(pool);
  std::mt19937 random(1);
  ObservationEncoder encoder;
  Object object;
  object.labels = std::make_shared<const Labels>(Labels{"caf\xe9"});
  object.attributes = {{"plate", "\xff\xfe"}};
  const Observation observation = testing::test_observation(0).with_objects({object});
  OutgoingMessage message;
  ASSERT_TRUE(encoder.encode(observation, plain_plan(), message));
  receiving.feed(bytes_of(message), random, 5000);
  expect_same(observation, assemble(std::move(receiving.received.at(0)), test_stream(), pool));
}

TEST(Codec, TooLargeIsSaidBeforehandAndForgetsItsTables) {
  BufferPool pool;
  Receiving receiving(pool);
  std::mt19937 random(1);
  ObservationEncoder encoder;
  Object object;
  object.labels = std::make_shared<const Labels>(Labels{"x"});
  auto plan = plain_plan();
  plan.max_message_bytes = 1000;
  OutgoingMessage message;
  EXPECT_FALSE(
      encoder.encode(testing::test_observation(0, test_picture(64, 64, 1)).with_objects({object}), plan, message));
  message.clear();
  const Observation small = testing::test_observation(1).with_objects({object});
  ASSERT_TRUE(encoder.encode(small, plan, message));
  receiving.feed(bytes_of(message), random, 5000);
  expect_same(small, assemble(std::move(receiving.received.at(0)), test_stream(), pool));
}

TEST(Codec, DamagedBytesAreRefusedOrHarmless) {
  BufferPool pool;
  const std::vector<std::shared_ptr<const Labels>> tables{std::make_shared<const Labels>(Labels{"a"})};
  size_t refused = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    ObservationEncoder encoder;
    OutgoingMessage message;
    ASSERT_TRUE(encoder.encode(random_observation(random, tables), plain_plan(), message));
    std::vector<uint8_t> bytes = bytes_of(message);
    const size_t head = std::min(bytes.size(), message.head.size());
    for (int i = 0; i < 3; ++i)
      bytes[static_cast<size_t>(random.below(static_cast<int>(head)))] ^= 1u << random.below(8);
    Receiving receiving(pool);
    try {
      receiving.feed(bytes, random.engine(), 4000);
      for (auto& received : receiving.received) assemble(std::move(received), test_stream(), pool);
    } catch (const Error& e) {
      EXPECT_FALSE(e.line().empty());
      ++refused;
    }
  }
  EXPECT_GT(refused, 50u);
}

TEST(MessageReader, RefusesLengthsBeforeItAllocates) {
  struct Nobody : MessageSink {
    std::span<const std::span<uint8_t>> on_header(const Prefix&, std::span<const uint8_t>) override { return {}; }
    void on_message() override { ++messages; }
    int messages = 0;
  };
  const auto feed = [](std::vector<uint8_t> bytes) {
    Nobody sink;
    MessageReader reader(sink);
    std::memcpy(reader.targets()[0].iov_base, bytes.data(), bytes.size());
    reader.advance(bytes.size());
    return sink.messages;
  };
  std::vector<uint8_t> prefix(kPrefixBytes);
  const std::span<uint8_t, kPrefixBytes> at(prefix.data(), kPrefixBytes);
  write_prefix(at, MessageType::kHello, size_t{2} << 30, 0, 1);
  EXPECT_THROW(feed(prefix), ProtocolError) << "a header of 2 GB";
  write_prefix(at, MessageType::kHello, 0, 5, 1);
  EXPECT_THROW(feed(prefix), ProtocolError) << "a body where there is none";
  write_prefix(at, MessageType::kPing, 0, 0, 2);
  EXPECT_THROW(feed(prefix), ProtocolError) << "another version after the greeting";
  write_prefix(at, static_cast<MessageType>(99), 0, 0, 1);
  EXPECT_THROW(feed(prefix), ProtocolError);
  write_prefix(at, MessageType::kHello, 0, 0, 2);
  EXPECT_EQ(feed(prefix), 1) << "greetings of any version are read";
  prefix[0] = 'G';
  EXPECT_THROW(feed(prefix), ProtocolError);
}

}  // namespace
}  // namespace vedette::link
