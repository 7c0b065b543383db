// Serves the console with made-up streams, so that the page can be tested without models and cameras: boxes that move
// on known ways, zones, events, and a module that drops. Every box is also painted into the picture in a known colour,
// so that a test can see in the pixels whether what is drawn in the browser lies where it should.
//
// The first stream has a log: of the last minute and a half, with a hole from 60 to 40 seconds ago in it, which grows
// older as the program runs: what was 75 seconds ago lies in the hole a quarter of a minute later.
//
//   console_fixture PORT [STREAMS] [--fail] [--empty] [--log=h264|--log=h265]      prints "ready URL", runs until
//   standard input ends

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <iostream>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/console/server.h"
#include "vedette/framelog/shelf.h"
#include "vedette/media/knobs.h"

namespace {

using namespace std::chrono_literals;
using vedette::Event;
using vedette::EventKind;
using vedette::Object;
using vedette::Observation;

constexpr int kWidth = 640, kHeight = 360, kFps = 10;
constexpr const char* kApplication = "people";
constexpr int kLogged = 1;
constexpr std::chrono::milliseconds kPast = 90s, kHoleBegin = 60s, kHoleEnd = 40s;

/// Where the i-th walker is in a frame: to and fro along a line, so that anyone can compute it.
vedette::Box walker(int stream, int i, uint64_t sequence) {
  const double phase = std::fmod(static_cast<double>(sequence) * (3 + i) + 90 * i + 40 * stream, 2.0 * (kWidth - 80));
  const double x = phase < kWidth - 80 ? phase : 2.0 * (kWidth - 80) - phase;
  return {static_cast<float>(x + 10), static_cast<float>(100 + 60 * i), 40, 90};
}

std::shared_ptr<vedette::Picture> paint(int stream, uint64_t sequence, const std::vector<Object>& objects) {
  auto picture = vedette::Picture::make(vedette::PixelFormat::kBgr, kWidth, kHeight);
  const auto& plane = picture->plane(0);
  cv::Mat image(kHeight, kWidth, CV_8UC3, plane.data, static_cast<size_t>(plane.stride_bytes));
  for (int y = 0; y < kHeight; ++y) {
    const double shade = 1.0 - 0.5 * y / kHeight;
    image.row(y).setTo(cv::Scalar(70 * shade + 8 * (stream % 5), 62 * shade + 6 * (stream % 3), 58 * shade));
  }
  cv::rectangle(image, {0, 230}, {kWidth, kHeight}, cv::Scalar(72, 76, 78), cv::FILLED);
  for (int x = -200; x < kWidth; x += 90)
    cv::line(image, {x, kHeight}, {x + 160, 230}, cv::Scalar(92, 96, 98), 2, cv::LINE_AA);
  for (const Object& object : objects) {
    const cv::Rect box(static_cast<int>(object.box.x), static_cast<int>(object.box.y),
                       static_cast<int>(object.box.width), static_cast<int>(object.box.height));
    cv::rectangle(image, box, cv::Scalar(200, 190, 60), cv::FILLED);  // BGR: a cyan nobody else paints
  }
  cv::putText(image, fmt::format("{:06}", sequence), {kWidth - 90, kHeight - 12}, cv::FONT_HERSHEY_SIMPLEX, 0.5,
              cv::Scalar(220, 220, 220), 1, cv::LINE_AA);
  return picture;
}

/// One application's made-up life.
class Life {
 public:
  Life(vedette::live::Hub& hub, vedette::framelog::Shelf& shelf, int streams, bool fails,
       const vedette::media::KnobSetting& kept)
      : hub_(hub), fails_(fails), knobs_(kept) {
    status_.name = kApplication;
    status_.tenant = "demo";
    status_.state = "running";
    status_.objective_latency_p95_ms = 200;
    const char* names[] = {"gate", "yard", "hall", "dock"};
    for (int i = 0; i < streams; ++i) {
      auto info = std::make_shared<vedette::StreamInfo>();
      info->name = i < 4 ? names[i] : fmt::format("camera-{:02}", i);
      info->index = static_cast<uint32_t>(i);
      streams_.push_back(info);
      vedette::graph::StreamStatus stream;
      stream.name = info->name;
      stream.url = "rtsp://10.0.0." + std::to_string(10 + i) + "/main";
      stream.state = "streaming";
      stream.capture_clock = "sender report";
      stream.width = kWidth;
      stream.height = kHeight;
      stream.fps = kFps;
      status_.streams.push_back(stream);
    }
    if (fails) {
      vedette::graph::StreamStatus broken;
      broken.name = "ramp";
      broken.url = "rtsp://10.0.0.99/main";
      broken.state = "failed";
      broken.last_error = "cannot open rtsp://10.0.0.99/main: connection refused";
      broken.reconnects = 7;
      status_.streams.push_back(broken);
    }
    for (const char* name : {"decode", "detect", "track", "roi", "console"}) {
      auto& module = status_.modules.emplace_back();
      module.name = module.type = name;
      module.queue_capacity = 4;
      if (status_.modules.size() > 1) module.inputs = {status_.modules[status_.modules.size() - 2].name};
    }
    for (int i = 0; i < std::min(streams, kLogged); ++i) {
      logs_.push_back(vedette::framelog::Log::make(
          {.camera = streams_[static_cast<size_t>(i)]->name, .capacity_bytes = 64u << 20, .segment_bytes = 1u << 20}));
      shelf.put({.camera = logs_.back()->camera(), .log = logs_.back(), .store = nullptr, .application = kApplication});
    }
    write_past();
    zones_ = std::make_shared<const std::vector<vedette::Zone>>(std::vector<vedette::Zone>{
        {"door", {{200, 60}, {420, 60}, {460, 330}, {160, 330}}}, {"line", {{320, 20}, {320, 350}}}});
  }

  /// Frames that were taken before the program began: one a second, none in the hole.
  void write_past() {
    const auto now = vedette::Clock::system().now();
    for (auto age = kPast; age >= 1s; age -= 1s) {
      if (age < kHoleBegin && age > kHoleEnd) continue;
      std::vector<Object> objects(3);
      for (int stream = 0; stream < static_cast<int>(logs_.size()); ++stream) {
        for (int i = 0; i < 3; ++i) objects[static_cast<size_t>(i)].box = walker(stream, i, sequence_);
        append(stream, now - age, *paint(stream, sequence_, objects));
      }
      ++sequence_;
    }
  }

  void append(int stream, vedette::Timestamp time, const vedette::Picture& picture) {
    const auto encoded = knobs_.apply(picture);
    vedette::framelog::RecordInfo info;
    info.time = time;
    info.codec = *vedette::framelog::codec_of(to_string(encoded->codec));
    info.key_frame = encoded->key;
    info.width = kWidth;
    info.height = kHeight;
    logs_[static_cast<size_t>(stream)]->append(info, std::as_bytes(std::span(*encoded->bytes)));
  }

  void step() {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < streams_.size(); ++i) publish(static_cast<int>(i));
    ++sequence_;
    const double costs_ms[] = {2.1, 31, 0.4, 0.1, 0.05};
    for (size_t i = 0; i < status_.modules.size(); ++i) {
      auto& module = status_.modules[i];
      module.received += streams_.size();
      module.processed += streams_.size();
      module.emitted += streams_.size();
      executions_[i].record(
          vedette::from_milliseconds(costs_ms[i] * (1 + 0.3 * std::sin(static_cast<double>(sequence_)))));
      waits_[i].record(vedette::from_milliseconds(costs_ms[i] / 4));
      module.execution = executions_[i].snapshot();
      module.wait = waits_[i].snapshot();
    }
    auto& detect = status_.modules[1];
    detect.queue_depth = sequence_ % 4;
    if (sequence_ % 5 == 0) ++detect.dropped["superseded"];
    if (fails_ && sequence_ % 40 == 0) {
      ++detect.errors;
      detect.last_error = "gate frame 40: the model's output has 83 columns, not 85";
    }
    latency_.record(vedette::from_milliseconds(60 + 20 * std::sin(static_cast<double>(sequence_) / 7)));
    status_.latency = latency_.snapshot();
  }

  std::vector<vedette::graph::ApplicationStatus> status() {
    const std::lock_guard lock(mutex_);
    return {status_};
  }

 private:
  void publish(int stream) {
    static const auto labels = std::make_shared<const vedette::Labels>(vedette::Labels{"person", "bicycle"});
    std::vector<Object> objects;
    std::vector<Event> events;
    int64_t inside = 0;
    auto frame = std::make_shared<vedette::Frame>();
    frame->capture_time = vedette::Clock::system().now();
    for (int i = 0; i < 3; ++i) {
      Object object;
      object.box = walker(stream, i, sequence_);
      object.class_id = i == 2 ? 1 : 0;
      object.score = 0.9f - 0.1f * static_cast<float>(i);
      object.labels = labels;
      object.track_id = i + 1;
      const float foot = object.box.center_x();
      const bool is_in = foot > 180 && foot < 440;
      inside += is_in;
      bool& was_in = inside_[{stream, i}];
      if (is_in != was_in) {
        Event event;
        event.kind = is_in ? EventKind::kEnter : EventKind::kLeave;
        event.time = frame->capture_time;
        event.zone = "door";
        event.label = object.label();
        event.track_id = object.track_id;
        event.box = object.box;
        event.dwell_seconds = is_in ? 0 : 4.2;
        events.push_back(event);
        event.kind = EventKind::kCross;
        event.zone = "line";
        event.count = i % 2 == 0 ? 1 : -1;
        if (!is_in) events.push_back(event);
      }
      was_in = is_in;
      objects.push_back(object);
    }
    if (!events.empty()) {
      Event count;
      count.kind = EventKind::kCount;
      count.time = frame->capture_time;
      count.zone = "door";
      count.label = "person";
      count.count = inside;
      events.push_back(count);
    }
    frame->stream = streams_[static_cast<size_t>(stream)];
    frame->sequence = sequence_;
    frame->arrival = vedette::Clock::system().monotonic();
    frame->width = kWidth;
    frame->height = kHeight;
    frame->picture = paint(stream, sequence_, objects);
    if (stream < static_cast<int>(logs_.size())) append(stream, frame->capture_time, *frame->picture);
    hub_.publish(kApplication, Observation(frame).with_objects(objects).with_zones(zones_).with_events(events));
    status_.streams[static_cast<size_t>(stream)].frames = sequence_ + 1;
  }

  vedette::live::Hub& hub_;
  const bool fails_;
  vedette::media::KnobChain knobs_;  // of the one logged stream
  std::mutex mutex_;
  uint64_t sequence_ = 0;
  std::vector<std::shared_ptr<const vedette::StreamInfo>> streams_;
  std::vector<std::shared_ptr<vedette::framelog::Log>> logs_;  // of the first streams
  std::shared_ptr<const std::vector<vedette::Zone>> zones_;
  vedette::graph::ApplicationStatus status_;
  std::map<std::pair<int, int>, bool> inside_;
  std::array<vedette::Histogram, 5> executions_, waits_;
  vedette::Histogram latency_;
};

int serve(int port, int streams, bool fails, bool empty, const std::string& kept) {
  vedette::live::Hub hub;
  vedette::framelog::Shelf logs;
  Life life(hub, logs, streams, fails, vedette::media::KnobSetting::parse(kept));
  vedette::console::ServerOptions options;
  options.port = port;
  options.logs = &logs;
  vedette::console::Server server(
      options, hub, [&] { return empty ? std::vector<vedette::graph::ApplicationStatus>{} : life.status(); });
  server.start();
  std::cout << "ready " << server.url() << std::endl;
  std::jthread publisher([&](const std::stop_token& stop) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested() && !empty) {
      life.step();
      next += std::chrono::milliseconds(1000 / kFps);
      std::this_thread::sleep_until(next);
    }
  });
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  publisher.request_stop();
  publisher.join();
  server.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  int port = 0, streams = 4;
  bool fails = false, empty = false;
  int numbers = 0;
  std::string kept = "E2";
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--fail") == 0) {
      fails = true;
    } else if (std::strcmp(argv[i], "--empty") == 0) {
      empty = true;
    } else if (std::strcmp(argv[i], "--log=h264") == 0) {
      kept = "E6";
    } else if (std::strcmp(argv[i], "--log=h265") == 0) {
      kept = "E8";
    } else {
      (numbers++ == 0 ? port : streams) = std::atoi(argv[i]);
    }
  }
  return serve(port, streams, fails, empty, kept);
} catch (const vedette::Error& error) {
  std::cerr << error.line() << '\n';
  return vedette::exit_status(error.code());
}
