#include "vedette/framelog/log_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "vedette/base/error.h"
#include "vedette/media/jpeg.h"

namespace vedette::framelog {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Timestamp kBegin{std::chrono::sys_days(std::chrono::year(2026) / 1 / 31)};

class LogSourceTest : public ::testing::Test {
 public:
  LogSourceTest() {
    shelf.put({.camera = "yard", .log = log, .store = nullptr});
    const auto picture = Picture::make(PixelFormat::kGray, 16, 16);
    for (int y = 0; y < 16; ++y)
      std::fill_n(picture->plane(0).data + y * picture->plane(0).stride_bytes, 16, uint8_t{9});
    jpeg = media::encode_jpeg(*picture, 80);
  }

  void append(Duration after, uint64_t sequence = kNextSequence) {
    log->append({.time = kBegin + after, .sequence = sequence, .width = 16, .height = 16},
                std::as_bytes(std::span(jpeg)));
  }
  std::unique_ptr<media::Source> open(const std::string& url, media::Pacing pacing = media::Pacing::kFast) const {
    return open_log(shelf, {.url = url, .pacing = pacing}, stream, std::make_shared<BufferPool>(), Clock::system());
  }
  std::string refusal(const std::string& url) const {
    try {
      open(url);
    } catch (const Error& e) {
      return e.line();
    }
    return "";
  }
  /// Capture times, in ms after the first, of all frames up to the source's end.
  static std::vector<int64_t> times(media::Source& source) {
    std::vector<int64_t> all;
    while (const auto frame = source.next({})) all.push_back((frame->capture_time - kBegin) / 1ms);
    return all;
  }

  std::shared_ptr<Log> log = Log::make({.camera = "yard", .capacity_bytes = 1 << 20, .segment_bytes = 1 << 18});
  Shelf shelf;
  Bytes jpeg;
  std::shared_ptr<const StreamInfo> stream = std::make_shared<const StreamInfo>(StreamInfo{.name = "yard"});
};

TEST_F(LogSourceTest, PlaysWhatIsKeptAndGoesOnWithWhatComesUntilTheLogEnds) {
  append(0ms);
  append(100ms);
  const auto source = open("log://local/yard?from=start");
  EXPECT_FALSE(source->live());
  std::jthread writer([&] {
    append(200ms);
    log->close();
  });
  EXPECT_THAT(times(*source), ElementsAre(0, 100, 200));
  EXPECT_EQ(source->stats().state, media::SourceState::kEnded);
  EXPECT_EQ(source->stats().width, 16);
}

TEST_F(LogSourceTest, PlaysAPartByTime) {
  for (int i = 0; i < 5; ++i) append(i * 1s);
  const auto source = open("log://local/yard?from=2026-01-31T00:00:01Z&to=2026-01-31T00:00:03Z");
  EXPECT_THAT(times(*source), ElementsAre(1000, 2000));
}

TEST_F(LogSourceTest, FromNowIsLive) {
  append(0ms);
  const auto source = open("log://local/yard");
  EXPECT_TRUE(source->live());
  append(40ms);
  log->close();
  EXPECT_THAT(times(*source), ElementsAre(40));
}

TEST_F(LogSourceTest, LostFramesAreGapsInTheSequence) {
  append(0ms);
  append(100ms, 4);
  log->close();
  const auto source = open("log://local/yard?from=start");
  EXPECT_EQ(source->next({})->sequence, 0u);
  EXPECT_EQ(source->next({})->sequence, 4u);
  EXPECT_EQ(source->stats().dropped.at("gap"), 3u);
}

TEST_F(LogSourceTest, WhatDoesNotDecodeIsCountedAndPassedOver) {
  append(0ms);
  jpeg.assign(10, 0);
  append(100ms);
  log->close();
  const auto source = open("log://local/yard?from=start");
  EXPECT_THAT(times(*source), ElementsAre(0));
  EXPECT_EQ(source->stats().dropped.at("corrupt"), 1u);
}

TEST_F(LogSourceTest, StopsWhileItWaits) {
  const auto source = open("log://local/yard");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(source->next(stop.get_token()));
}

TEST_F(LogSourceTest, RefusesWhatItCannotOpenInOneLine) {
  EXPECT_THAT(refusal("log://local/gate"), HasSubstr("camera 'gate' is not logged in this process (logged are: yard)"));
  EXPECT_THAT(refusal("log:///no/such/folder/yard"), HasSubstr("there is no log '/no/such/folder/yard'"));
  EXPECT_THAT(refusal("log://box-7/yard"), HasSubstr("'box-7'"));
  EXPECT_THAT(refusal("log://local/yard?from=-1m&to=-2m"), HasSubstr("'to' lies before 'from'"));
}

TEST_F(LogSourceTest, IsOpenedByItsScheme) {
  append(0ms);
  log->close();
  const auto by_scheme = [&] {
    return media::open_source({.url = "LOG://local/yard?from=start"}, stream, std::make_shared<BufferPool>());
  };
  EXPECT_THROW(by_scheme(), Error) << "nobody has told of the scheme";
  const LogScheme scheme(shelf);
  EXPECT_TRUE(media::is_live({.url = "log://local/yard"}));
  EXPECT_FALSE(media::is_live({.url = "log://local/yard?from=start"}));
  EXPECT_FALSE(media::is_live({.url = "log://nonsense"}));
}

TEST(Shelf, HasOneLogACamera) {
  Shelf shelf;
  const auto log = Log::make({.camera = "yard", .capacity_bytes = 1 << 20, .segment_bytes = 1 << 18});
  shelf.put({.camera = "yard", .log = log, .store = nullptr});
  EXPECT_THROW(shelf.put({.camera = "yard", .log = log, .store = nullptr}), Error);
  EXPECT_EQ(shelf.items().size(), 1u);
  shelf.remove("yard");
  shelf.remove("yard");
  EXPECT_FALSE(shelf.find("yard"));
}

}  // namespace
}  // namespace vedette::framelog
