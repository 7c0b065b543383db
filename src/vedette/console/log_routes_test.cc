#include "vedette/console/log_routes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "vedette/console/play_pace.h"
#include "vedette/console/server.h"
#include "vedette/framelog/testing_disk.h"
#include "vedette/media/inter_codec.h"
#include "vedette/media/jpeg.h"

namespace vedette::console {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Timestamp kBegin{std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h};

Bytes picture_of(int width, int height) {
  const auto picture = Picture::make(PixelFormat::kBgr, width, height);
  std::memset(picture->plane(0).data, 90, static_cast<size_t>(picture->plane(0).stride_bytes) * picture->height());
  return media::encode_jpeg(*picture, 80);
}

graph::ApplicationStatus application(const std::string& name, const std::string& tenant) {
  graph::ApplicationStatus status;
  status.name = name;
  status.tenant = tenant;
  status.state = "running";
  return status;
}

class LogRoutesTest : public testing::Test {
 public:
  LogRoutesTest() { add("yard", "people"); }
  ~LogRoutesTest() override {
    if (server) server->stop();
  }

  std::shared_ptr<framelog::Log> add(const std::string& camera, const std::string& owner) {
    auto log = framelog::Log::make({.camera = camera, .capacity_bytes = 4u << 20, .segment_bytes = 1u << 20});
    shelf.put({.camera = camera, .log = log, .store = nullptr, .application = owner});
    logs[camera] = log;
    return log;
  }
  /// `frames` of a camera, `step` apart from kBegin + `at` on.
  void fill(const std::string& camera, Duration at, int frames, Duration step = 100ms) {
    for (int i = 0; i < frames; ++i) {
      framelog::RecordInfo info;
      info.time = kBegin + at + i * step;
      info.width = 320;
      info.height = 180;
      logs[camera]->append(info, std::as_bytes(std::span(jpeg)));
    }
  }
  void start(ServerOptions options = {}) {
    options.port = 0;
    options.logs = &shelf;
    server = std::make_unique<Server>(
        options, hub, [] { return std::vector{application("people", "acme"), application("cars", "other")}; });
    server->start();
  }
  httplib::Client client() const {
    httplib::Client made("127.0.0.1", server->port());
    made.set_read_timeout(10);
    return made;
  }
  std::pair<int, json> get(const std::string& path, const httplib::Headers& headers = {}) const {
    const auto result = client().Get(path, headers);
    if (!result) return {0, {}};
    return {result->status, json::parse(result->body, nullptr, false)};
  }
  std::string error(const std::string& path, int status) const {
    const auto [code, body] = get(path);
    EXPECT_EQ(code, status) << path;
    return body.contains("error") ? body["error"]["message"].get<std::string>() : "no error";
  }

  const Bytes jpeg = picture_of(320, 180);
  live::Hub hub;
  framelog::Shelf shelf;
  std::map<std::string, std::shared_ptr<framelog::Log>> logs;
  std::unique_ptr<Server> server;
};

std::vector<std::string> times_in(const std::string& multipart) {
  static constexpr std::string_view kName = "X-Vedette-Time: ";
  std::vector<std::string> times;
  for (size_t at = multipart.find(kName); at != std::string::npos; at = multipart.find(kName, at + 1))
    times.push_back(multipart.substr(at + kName.size(), 27));
  return times;
}

TEST_F(LogRoutesTest, lists_what_is_kept_and_where_it_has_holes) {
  fill("yard", 0s, 11);
  fill("yard", 30s, 21);
  add("gate", "people");
  start();
  const auto [code, all] = get("/api/logs");
  ASSERT_EQ(code, 200);
  ASSERT_EQ(all["logs"].size(), 2u);
  EXPECT_EQ(all["logs"][0]["camera"], "gate");
  EXPECT_EQ(all["logs"][0]["oldest"], nullptr);
  EXPECT_EQ(all["logs"][1]["frames"], 32);
  EXPECT_EQ(all["logs"][1]["oldest"], "2026-01-31T12:00:00.000000Z");
  EXPECT_EQ(all["logs"][1]["newest"], "2026-01-31T12:00:32.000000Z");
  EXPECT_FALSE(all["logs"][1]["on_disk"]);
  const json one = get("/api/logs/yard").second;
  ASSERT_EQ(one["spans"].size(), 2u);
  EXPECT_EQ(one["spans"][0]["end"], "2026-01-31T12:00:01.000000Z");
  EXPECT_EQ(one["spans"][1]["begin"], "2026-01-31T12:00:30.000000Z");
  EXPECT_EQ(one["spans"][1]["frames"], 21);
}

TEST_F(LogRoutesTest, a_frame_is_the_newest_at_its_time_or_before) {
  fill("yard", 0s, 10, 1s);
  start();
  const auto at = [&](const std::string& query) {
    const auto result = client().Get("/api/logs/yard/frame.jpg" + query);
    EXPECT_TRUE(result && result->status == 200) << query;
    return result->get_header_value("X-Vedette-Time") + " " + result->get_header_value("X-Vedette-Sequence");
  };
  EXPECT_EQ(at("?at=2026-01-31T12:00:03.9Z"), "2026-01-31T12:00:03.000000Z 3");
  EXPECT_EQ(at("?at=2026-01-31T12:00:04Z"), "2026-01-31T12:00:04.000000Z 4");
  EXPECT_EQ(at("?at=start"), "2026-01-31T12:00:00.000000Z 0");
  EXPECT_EQ(at(""), "2026-01-31T12:00:09.000000Z 9");
  const auto whole = client().Get("/api/logs/yard/frame.jpg");
  EXPECT_EQ(whole->body.size(), jpeg.size()) << "as it is kept";
  const auto small = client().Get("/api/logs/yard/frame.jpg?width=160");
  EXPECT_EQ(media::jpeg_size({reinterpret_cast<const uint8_t*>(small->body.data()), small->body.size()}),
            (std::pair<int, int>{160, 90}));
  EXPECT_EQ(small->get_header_value("X-Vedette-Size"), "320x180");
}

TEST_F(LogRoutesTest, raw_frames_become_jpeg) {
  std::vector<std::byte> gray(320 * 180, std::byte{80});
  framelog::RecordInfo info;
  info.time = kBegin;
  info.codec = framelog::FrameCodec::kGray;
  info.width = 320;
  info.height = 180;
  logs["yard"]->append(info, gray);
  start();
  const auto result = client().Get("/api/logs/yard/frame.jpg");
  ASSERT_TRUE(result);
  EXPECT_EQ(media::jpeg_size({reinterpret_cast<const uint8_t*>(result->body.data()), result->body.size()}),
            (std::pair<int, int>{320, 180}));
}

/// Frames that lean on one another: the brightness tells which one is shown.
class VideoLogTest : public LogRoutesTest, public testing::WithParamInterface<media::Codec> {
 public:
  static constexpr int kFrames = 90;
  static int brightness(int i) { return 40 + 2 * i; }

  /// Ten a second from kBegin on; `lost` is not there.
  void fill_video(int lost = -1) {
    media::VideoEncoder encoder({.codec = GetParam(), .width = 320, .height = 180, .quality = 20, .inter = true});
    for (int i = 0; i < kFrames; ++i) {
      const auto picture = Picture::make(PixelFormat::kI420, 320, 180);
      for (int plane = 0; plane < 3; ++plane) {
        std::memset(picture->plane(plane).data, plane == 0 ? brightness(i) : 128,
                    static_cast<size_t>(picture->plane(plane).stride_bytes) * picture->plane(plane).height);
      }
      const auto unit = encoder.encode(*picture, false);
      keys += unit.key ? 1 : 0;
      if (i == lost) continue;
      framelog::RecordInfo info;
      info.time = kBegin + i * 100ms;
      info.sequence = static_cast<uint64_t>(i);
      info.codec = GetParam() == media::Codec::kH264 ? framelog::FrameCodec::kH264 : framelog::FrameCodec::kH265;
      info.key_frame = unit.key;
      info.width = 320;
      info.height = 180;
      logs["yard"]->append(info, std::as_bytes(std::span(unit.bytes)));
    }
  }
  static int brightness_of(const std::string& jpeg) {
    const auto picture = media::decode_jpeg({reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()});
    return picture->plane(0).data[90 * picture->plane(0).stride_bytes + 160];
  }
  /// What decode_jpeg() makes of a picture of this brightness, which is in video range.
  static int in_full_range(int luma) { return (luma - 16) * 255 / 219; }

  int keys = 0;
};

TEST_P(VideoLogTest, any_frame_is_shown_as_it_was) {
  fill_video();
  ASSERT_EQ(keys, 2) << "the second 50 frames behind the first";
  start();
  for (const int i : {0, 37, 49, 50, 89, 12}) {
    const auto result = client().Get(fmt::format("/api/logs/yard/frame.jpg?at={}", to_rfc3339(kBegin + i * 100ms)));
    ASSERT_TRUE(result && result->status == 200) << i;
    EXPECT_NEAR(brightness_of(result->body), in_full_range(brightness(i)), 5) << i;
  }
}

TEST_P(VideoLogTest, many_viewers_at_once_are_shown_what_they_point_at) {
  fill_video();
  start();
  std::vector<std::future<std::string>> answers;
  for (int viewer = 0; viewer < 12; ++viewer) {
    answers.push_back(std::async(std::launch::async, [this, viewer]() -> std::string {
      for (int i = viewer; i < kFrames; i += 30) {
        const auto result =
            client().Get(fmt::format("/api/logs/yard/frame.jpg?width=160&at={}", to_rfc3339(kBegin + i * 100ms)));
        if (!result || result->status != 200) return fmt::format("frame {}: {}", i, result ? result->status : 0);
        if (result->get_header_value("X-Vedette-Sequence") != std::to_string(i)) return fmt::format("not {}", i);
      }
      return "";
    }));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "");
}

TEST_P(VideoLogTest, plays_from_between_key_frames_and_faster_than_it_shows) {
  fill_video();
  start();
  const auto result =
      client().Get("/api/logs/yard/play?from=2026-01-31T12:00:01.3Z&to=2026-01-31T12:00:08.8Z&speed=64&fps=20");
  ASSERT_TRUE(result);
  const auto times = times_in(result->body);
  ASSERT_GE(times.size(), 2u);
  EXPECT_LT(times.size(), 70u) << "most are passed over";
  EXPECT_EQ(times.front(), "2026-01-31T12:00:01.300000Z");
  EXPECT_EQ(times.back(), "2026-01-31T12:00:08.700000Z");
  const size_t last = result->body.rfind("\r\n\r\n\xFF\xD8");
  ASSERT_NE(last, std::string::npos);
  EXPECT_NEAR(brightness_of(result->body.substr(last + 4)), in_full_range(brightness(87)), 5);
}

TEST_P(VideoLogTest, behind_a_frame_that_is_missing_nothing_is_shown_until_a_key_frame) {
  fill_video(20);
  start();
  EXPECT_EQ(error("/api/logs/yard/frame.jpg?at=2026-01-31T12:00:03Z", 400),
            "frame 30 of 'yard' is no key frame, and those before it are gone");
  const auto result =
      client().Get("/api/logs/yard/play?from=2026-01-31T12:00:02.5Z&to=2026-01-31T12:00:05.5Z&speed=64&fps=240");
  ASSERT_TRUE(result);
  const auto times = times_in(result->body);
  ASSERT_FALSE(times.empty());
  EXPECT_GE(times.front(), "2026-01-31T12:00:05.000000Z");
}

INSTANTIATE_TEST_SUITE_P(Codecs, VideoLogTest, testing::Values(media::Codec::kH264, media::Codec::kH265),
                         [](const auto& of) { return std::string(media::to_string(of.param)); });

TEST_F(LogRoutesTest, says_what_is_wrong) {
  add("gate", "people");
  fill("yard", 0s, 3);
  start();
  EXPECT_EQ(error("/api/logs/yrad", 404), "no camera 'yrad' is logged here");
  EXPECT_EQ(error("/api/logs/yard/frame.jpg?at=2026-01-30", 404),
            "nothing is kept of 'yard' at 2026-01-30T00:00:00.000000Z or before");
  EXPECT_EQ(error("/api/logs/gate/frame.jpg", 404), "nothing is kept of 'gate' yet");
  EXPECT_EQ(error("/api/logs/yard/frame.jpg?at=noon", 400), "'noon' is no time");
  EXPECT_THAT(error("/api/logs/yard/play?from=2026-01-31T12:00:01Z&to=2026-01-31T12:00:00Z", 400),
              StartsWith("'to', 2026-01-31T12:00:00.000000Z, is before 'from'"));
  EXPECT_EQ(error("/api/logs/yard/play?speed=0", 400), "parameter 'speed' is '0'");
  EXPECT_EQ(error("/api/logs/yard/events?from=2026-02-02&to=2026-02-01", 400), "'to' is before 'from'");
  EXPECT_EQ(error("/api/logs/yard/frame.jpg?width=1", 400), "parameter 'width' is '1'");
}

TEST_F(LogRoutesTest, plays_a_range_to_its_end) {
  fill("yard", 0s, 20, 100ms);
  fill("yard", 60s, 5, 100ms);
  start();
  const auto result = client().Get(
      "/api/logs/yard/play?from=2026-01-31T12:00:01Z&to=2026-01-31T12:01:00.3Z&speed=64&fps=240&width=160");
  ASSERT_TRUE(result);
  EXPECT_THAT(result->body, StartsWith("--vedette\r\nContent-Type: image/jpeg\r\nContent-Length: "));
  const auto times = times_in(result->body);
  ASSERT_GE(times.size(), 2u);
  EXPECT_EQ(times.front(), "2026-01-31T12:00:01.000000Z");
  EXPECT_EQ(times.back(), "2026-01-31T12:01:00.200000Z");
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_THAT(result->body, HasSubstr("X-Vedette-Hole: 58.1\r\n"));
  EXPECT_THAT(result->body, Not(HasSubstr("X-Vedette-Live"))) << "a range never gets there";
}

TEST_F(LogRoutesTest, goes_on_live_and_ends_with_the_log) {
  fill("yard", 0s, 5);
  start();
  std::string all;
  bool appended = false;
  client().Get("/api/logs/yard/play?from=start&speed=64", [&](const char* data, size_t size) {
    all.append(data, size);
    if (all.find("X-Vedette-Live") != std::string::npos && !std::exchange(appended, true)) {
      fill("yard", 1s, 1);
      logs["yard"]->close();
    }
    return true;
  });
  const auto times = times_in(all);
  ASSERT_FALSE(times.empty());
  EXPECT_EQ(times.back(), "2026-01-31T12:00:01.000000Z");
}

TEST_F(LogRoutesTest, an_open_player_does_not_hold_a_stop_up) {
  fill("yard", 0s, 5);
  start();
  std::promise<void> open;
  std::jthread viewer([&] {
    bool said = false;
    client().Get("/api/logs/yard/play?from=now", [&](const char*, size_t) {
      if (!std::exchange(said, true)) open.set_value();
      return true;
    });
  });
  open.get_future().wait();
  const auto begin = Clock::system().monotonic();
  server->stop();
  EXPECT_LT(to_seconds(Clock::system().monotonic() - begin), 1.0);
}

TEST_F(LogRoutesTest, events_are_those_of_the_stream_in_the_time) {
  const auto publish = [&](const std::string& stream, Duration at) {
    auto frame = std::make_shared<Frame>();
    frame->stream = std::make_shared<StreamInfo>(StreamInfo{stream, 0});
    Event event;
    event.zone = "door";
    event.time = kBegin + at;
    hub.publish("people", Observation{frame}.with_events({event}));
  };
  publish("yard", 1s);
  publish("gate", 2s);
  publish("yard", 3s);
  publish("yard", 9s);
  start();
  EXPECT_EQ(get("/api/logs/yard/events").second["events"].size(), 3u);
  const json some = get("/api/logs/yard/events?from=2026-01-31T12:00:02Z&to=2026-01-31T12:00:09Z").second;
  ASSERT_EQ(some["events"].size(), 1u);
  EXPECT_EQ(some["events"][0]["time"], "2026-01-31T12:00:03.000000Z");
  EXPECT_EQ(some["forgotten_before"], nullptr);
}

TEST_F(LogRoutesTest, tenants_see_the_cameras_of_their_applications) {
  add("street", "cars");
  add("attic", "");
  const std::string key = testing::TempDir() + "vedette-log-routes-key-" + std::to_string(::getpid());
  net::make_key_file(key);
  ServerOptions options;
  const auto authority = std::make_shared<net::Authority>(net::AuthorityOptions{.key = key, .revoked = {}});
  options.authority = authority;
  start(options);
  const auto as = [&](const std::string& tenant) {
    return httplib::Headers{
        {"Authorization", "Bearer " + authority->issue("ann", net::Role::kViewer, tenant, std::chrono::hours(1))}};
  };
  EXPECT_EQ(get("/api/logs").first, 401);
  EXPECT_EQ(get("/api/logs", as("")).second["logs"].size(), 3u);
  const json mine = get("/api/logs", as("acme")).second;
  ASSERT_EQ(mine["logs"].size(), 1u);
  EXPECT_EQ(mine["logs"][0]["camera"], "yard");
  EXPECT_EQ(get("/api/logs/street", as("acme")).first, 404);
  EXPECT_EQ(get("/api/logs/street/frame.jpg", as("acme")).first, 404);
  EXPECT_EQ(get("/api/logs/street", as("other")).first, 200);
  const auto metrics = client().Get("/metrics", as("acme"));
  ASSERT_TRUE(metrics);
  EXPECT_THAT(metrics->body, HasSubstr(R"(vedette_log_frames{application="people",camera="yard"})"));
  EXPECT_THAT(metrics->body, Not(HasSubstr("street")));
  ::unlink(key.c_str());
}

/// With files: as after a restart, what was kept before is on disk alone.
TEST_F(LogRoutesTest, history_comes_from_disk) {
  const std::string folder = testing::TempDir() + "vedette-log-routes-" + std::to_string(::getpid());
  const auto write = [&](Duration at) {
    framelog::StoreOptions options;
    options.archive.folder = folder;
    options.archive.camera = "dock";
    auto store = std::make_shared<framelog::Store>(
        options, framelog::LogOptions{.camera = "dock", .capacity_bytes = 4u << 20, .segment_bytes = 1u << 20});
    logs["dock"] = store->log();
    fill("dock", at, 11);
    return store;
  };
  ASSERT_TRUE(write(0s)->flush(Clock::system().monotonic() + 10s));
  ASSERT_TRUE(write(10s)->flush(Clock::system().monotonic() + 10s));
  const auto store = write(20s);
  shelf.put({.camera = "dock", .log = store->log(), .store = store, .application = "people"});
  start();
  const json one = get("/api/logs/dock").second;
  EXPECT_EQ(one["frames"], 33);
  EXPECT_EQ(one["oldest"], "2026-01-31T12:00:00.000000Z");
  EXPECT_GT(one["disk_bytes"], 0);
  ASSERT_EQ(one["spans"].size(), 3u);
  const auto old = client().Get("/api/logs/dock/frame.jpg?at=2026-01-31T12:00:00.5Z");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->get_header_value("X-Vedette-Sequence"), "5");
  const auto played = client().Get("/api/logs/dock/play?from=start&to=2026-01-31T12:00:20.05Z&speed=64&fps=240");
  ASSERT_TRUE(played);
  const auto times = times_in(played->body);
  EXPECT_EQ(times.front(), "2026-01-31T12:00:00.000000Z");
  EXPECT_EQ(times.back(), "2026-01-31T12:00:20.000000Z");
}

TEST_F(LogRoutesTest, metrics_tell_of_what_is_kept_and_of_a_disk_that_is_full) {
  framelog::testing::FakeDisk disk(1);
  framelog::StoreOptions options;
  options.archive.folder = "/dock";
  options.archive.files = &disk;
  const auto store = std::make_shared<framelog::Store>(
      options, framelog::LogOptions{.camera = "dock", .capacity_bytes = 4u << 20, .segment_bytes = 1u << 20});
  logs["dock"] = store->log();
  shelf.put({.camera = "dock", .log = store->log(), .store = store, .application = "people"});
  fill("yard", 0s, 3);
  fill("dock", 0s, 5);
  ASSERT_TRUE(store->flush(Clock::system().monotonic() + 10s));
  start();
  const auto value = [&](const std::string& name, const std::string& camera) -> std::string {
    const auto page = client().Get("/metrics");
    const std::string line = fmt::format("\n{}{{application=\"people\",camera=\"{}\"}} ", name, camera);
    const size_t at = page ? page->body.find(line) : std::string::npos;
    if (at == std::string::npos) return "none";
    return page->body.substr(at + line.size(), page->body.find('\n', at + 1) - at - line.size());
  };
  EXPECT_EQ(value("vedette_log_frames", "yard"), "3");
  EXPECT_EQ(value("vedette_log_store_trouble", "yard"), "none") << "in memory only";
  EXPECT_EQ(value("vedette_log_stored_frames_total", "dock"), "5");
  EXPECT_EQ(value("vedette_log_disk_segments", "dock"), "1");
  EXPECT_EQ(value("vedette_log_disk_bytes", "dock"), std::to_string(store->stats().file_bytes));
  EXPECT_EQ(value("vedette_log_store_trouble", "dock"), "0");
  disk.set_capacity_bytes(0);
  fill("dock", 10s, 5);
  ASSERT_FALSE(store->flush(Clock::system().monotonic() + 10s));
  EXPECT_EQ(value("vedette_log_store_trouble", "dock"), "1");
  EXPECT_EQ(value("vedette_log_appended_frames_total", "dock"), "10");
  EXPECT_EQ(value("vedette_log_stored_frames_total", "dock"), "5");
  disk.set_capacity_bytes(UINT64_MAX);
  ASSERT_TRUE(store->flush(Clock::system().monotonic() + 10s));
  EXPECT_EQ(value("vedette_log_store_trouble", "dock"), "0");
  EXPECT_EQ(value("vedette_log_stored_frames_total", "dock"), "10");
  server->stop();
}

TEST(SpanList, closes_the_shortest_holes_first) {
  constexpr int64_t kSecond = 1'000'000;
  SpanList list;
  int64_t at = 0;
  for (const int64_t hole : {1, 5, 3, 9, 4}) {
    list.add({at, at + kSecond, 10});
    at += (1 + hole) * kSecond;
  }
  list.add({at, at, 1});
  EXPECT_EQ(list.thinned(100).size(), 5u) << "one second is no hole";
  const auto three = list.thinned(3);
  ASSERT_EQ(three.size(), 3u);
  EXPECT_EQ(three[0].end_us, 3 * kSecond) << "up to the hole of five";
  EXPECT_EQ(three[1].frames, 20u);
  EXPECT_EQ(three[1].end_us, three[2].begin_us - 9 * kSecond);
  const auto one = list.thinned(1);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].frames, 51u);
  EXPECT_EQ(one[0].end_us, at);
}

TEST(PlayPace, keeps_the_distances_over_the_speed_and_passes_over_holes) {
  const MonotonicTime now{100s};
  PlayPace pace(2);
  EXPECT_EQ(pace.due(kBegin, now), now);
  EXPECT_EQ(pace.due(kBegin + 1s, now), now + 500ms);
  EXPECT_EQ(pace.hole(), 0s);
  EXPECT_EQ(pace.due(kBegin + 61s, now), now + 500ms + PlayPace::kHolePause);
  EXPECT_EQ(pace.hole(), 60s);
  EXPECT_EQ(pace.due(kBegin + 62s, now), now + 1s + PlayPace::kHolePause);
  pace.restart();
  EXPECT_EQ(pace.due(kBegin + 63s, now + 7s), now + 7s) << "live: as it comes";
}

}  // namespace
}  // namespace vedette::console
