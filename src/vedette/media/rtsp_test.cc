// Network sources against servers that misbehave, on the loopback interface: real time, but nothing here depends on a
// fast machine (bounds are seconds where the promise is 200 ms; the measured time is recorded as a property of the
// test).

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/media/testing.h"

namespace vedette::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ScratchFolder;

constexpr Duration kSoon = seconds(2);

/// Accepts connections and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  std::string url(const std::string& scheme) const { return scheme + "://127.0.0.1:" + std::to_string(port_) + "/cam"; }

 private:
  int socket_;
  int port_ = 0;
};

/// tests/rtsp_server/server.py with one H.264 clip.
class RtspServer {
 public:
  explicit RtspServer(const std::string& extra = "") {
    const std::string script = std::string(VEDETTE_SOURCE_DIR) + "/tests/rtsp_server/server.py";
    int to[2], from[2];
    if (!make_clip() || pipe(to) != 0 || pipe(from) != 0) return;
    child_ = fork();
    if (child_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      for (const int fd : {to[0], to[1], from[0], from[1]}) close(fd);
      const std::string command =
          "exec python3 '" + script + "' --file '" + (folder_ / "clip.264") + "' --fps 20 " + extra;
      execlp("sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    commands_ = fdopen(to[1], "w");
    answers_ = fdopen(from[0], "r");
    char line[64];
    if (fgets(line, sizeof line, answers_)) sscanf(line, "READY %d", &port_);
  }
  ~RtspServer() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    fclose(commands_);
    fclose(answers_);
  }
  bool ready() const { return port_ > 0; }
  std::string url(const std::string& mount = "cam0") const {
    return "rtsp://127.0.0.1:" + std::to_string(port_) + "/" + mount;
  }
  void command(const std::string& line) {
    fputs((line + "\n").c_str(), commands_);
    fflush(commands_);
    char answer[4096];
    ASSERT_TRUE(fgets(answer, sizeof answer, answers_));
  }

 private:
  bool make_clip() const {
    return testing::have("python3") && testing::have("ffmpeg") &&
           testing::ffmpeg(
               "-f lavfi -i testsrc=d=2:r=20:s=160x120 -pix_fmt yuv420p -c:v libx264 -bf 0 -g 5 -bsf:v "
               "h264_mp4toannexb " +
               (folder_ / "clip.264"));
  }

  ScratchFolder folder_;
  pid_t child_ = 0;
  FILE* commands_ = nullptr;
  FILE* answers_ = nullptr;
  int port_ = 0;
};

#define NEED_SERVER(server) \
  if (!(server).ready()) GTEST_SKIP() << "the test server needs python3 and an ffmpeg with libx264"

SourceOptions fast_retry(const std::string& url) {
  SourceOptions options{.url = url};
  options.backoff = {.initial_seconds = 0.1, .max_seconds = 0.2, .jitter = 0.5, .healthy_seconds = 1};
  return options;
}

bool until(const std::function<bool()>& holds, Duration longest = seconds(20)) {
  const MonotonicTime end = Clock::system().monotonic() + longest;
  while (!holds()) {
    if (Clock::system().monotonic() > end) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

/// A thread of this process waits in the kernel.
bool waits(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  const std::string stat((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] == 'S';
}

/// Runs the source until `there` holds and it waits, then asks it to stop and measures how long that takes.
void expect_quick_stop(Source& source, const std::function<bool()>& there) {
  std::stop_source stop;
  std::atomic<pid_t> reader{0};
  auto done = std::async(std::launch::async, [&] {
    reader = gettid();
    while (source.next(stop.get_token())) {
    }
  });
  EXPECT_TRUE(until([&] { return there() && reader != 0 && waits(reader); }));
  const MonotonicTime asked = Clock::system().monotonic();
  stop.request_stop();
  done.get();
  const Duration took = Clock::system().monotonic() - asked;
  ::testing::Test::RecordProperty("stop_ms", static_cast<int>(to_milliseconds(took)));
  EXPECT_LT(took, kSoon);
  EXPECT_EQ(source.stats().state, SourceState::kEnded);
}

TEST(NetworkSource, StopsDuringAHandshakeThatNeverComes) {
  const SilentServer server;
  for (const char* scheme : {"rtsp", "http"}) {
    auto source = testing::open({.url = server.url(scheme)});
    EXPECT_TRUE(source->live());
    expect_quick_stop(*source, [&] { return source->stats().state == SourceState::kConnecting; });
  }
}

TEST(NetworkSource, GivesUpAHandshakeAtTheDeadline) {
  const SilentServer server;
  SourceOptions options = fast_retry(server.url("rtsp"));
  options.open_timeout_ms = 300;
  options.max_reconnects = 1;
  auto source = testing::open(options);
  const MonotonicTime begin = Clock::system().monotonic();
  try {
    source->next({});
    FAIL() << "got a frame from nothing";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
    EXPECT_NE(std::string(e.what()).find("gave up after 1"), std::string::npos) << e.what();
  }
  EXPECT_LT(Clock::system().monotonic() - begin, seconds(5));
  EXPECT_EQ(source->stats().reconnects, 1u);
  EXPECT_EQ(source->stats().state, SourceState::kFailed);
}

TEST(NetworkSource, StopsWhileItWaitsOrLooksUpAName) {
  SourceOptions options{.url = "rtsp://127.0.0.1:1/cam"};
  options.backoff.initial_seconds = 60;
  options.backoff.max_seconds = 60;
  auto refused = testing::open(options);
  expect_quick_stop(*refused, [&] { return refused->stats().state == SourceState::kWaiting; });
  EXPECT_NE(refused->stats().last_error.find("refused"), std::string::npos) << refused->stats().last_error;
  auto nameless = testing::open({.url = "rtsp://user:secret@no-such-host.invalid/cam"});
  expect_quick_stop(*nameless, [] { return true; });
  EXPECT_EQ(nameless->stats().last_error.find("secret"), std::string::npos);
}

TEST(NetworkSource, StopsWhilePacing) {
  const ScratchFolder folder;
  if (!testing::have("ffmpeg")) GTEST_SKIP() << "install ffmpeg to make the file";
  ASSERT_TRUE(testing::ffmpeg("-f lavfi -i testsrc=d=60:r=1/9:s=64x64 -c:v mpeg4 " + (folder / "slow.mp4")));
  auto source = testing::open({.url = folder / "slow.mp4", .pacing = Pacing::kRealtime});
  expect_quick_stop(*source, [&] { return source->stats().frames == 1; });
}

TEST(RtspSource, PlaysOverTcpAndUdpWithTheCamerasClock) {
  RtspServer server("--clock-offset -3600");
  NEED_SERVER(server);
  for (const char* transport : {"tcp", "udp"}) {
    SourceOptions options{.url = server.url()};
    options.transport = transport;
    auto source = testing::open(options);
    std::optional<Frame> last;
    for (int i = 0; i < 25; ++i) {
      auto frame = source->next({});
      ASSERT_TRUE(frame);
      if (last) {
        EXPECT_GT(frame->capture_time, last->capture_time);
        EXPECT_GT(frame->position, last->position);
        EXPECT_EQ(frame->sequence, last->sequence + 1);
      }
      last = std::move(frame);
    }
    EXPECT_EQ(last->width, 160);
    EXPECT_EQ(last->capture_clock, CaptureClock::kSenderReport) << transport;
    const double hour_ago = to_seconds(Clock::system().now() - last->capture_time);
    EXPECT_NEAR(hour_ago, 3600, 5) << transport;
    EXPECT_EQ(source->stats().capture_clock, CaptureClock::kSenderReport);
  }
}

TEST(RtspSource, AnchorsTheStreamClockWithoutReports) {
  RtspServer server("--no-reports");
  NEED_SERVER(server);
  auto source = testing::open({.url = server.url()});
  EXPECT_EQ(source->next({})->capture_clock, CaptureClock::kArrival) << "FFmpeg leaves the first frame without a time";
  const auto frame = source->next({});
  EXPECT_EQ(frame->capture_clock, CaptureClock::kStreamClock);
  EXPECT_NEAR(to_seconds(Clock::system().now() - frame->capture_time), 0, 5);
}

TEST(RtspSource, ComesBackAfterAStallAndAKill) {
  RtspServer server;
  NEED_SERVER(server);
  for (const char* trouble : {"stall", "kill", "hang"}) {
    SourceOptions options = fast_retry(server.url());
    options.read_timeout_ms = 400;
    options.open_timeout_ms = 1000;
    auto source = testing::open(options);
    uint64_t sequence = source->next({})->sequence;
    server.command(std::string(trouble) + " cam0");
    std::stop_source stop;
    std::atomic<uint64_t> frames = 0;
    auto reader = std::async(std::launch::async, [&] {
      while (auto frame = source->next(stop.get_token())) {
        EXPECT_GT(frame->sequence, sequence);
        sequence = frame->sequence;
        ++frames;
      }
    });
    if (std::string(trouble) != "hang") {  // which only keeps new connections from being answered
      EXPECT_TRUE(until([&] { return source->stats().reconnects >= 1; })) << trouble;
    }
    server.command("restart cam0");
    const uint64_t before = frames;
    EXPECT_TRUE(until([&] { return frames > before + 5; })) << trouble;
    stop.request_stop();
    reader.get();
  }
}

TEST(RtspSource, StopsWhileAStalledStreamIsRead) {
  RtspServer server;
  NEED_SERVER(server);
  auto source = testing::open({.url = server.url()});
  ASSERT_TRUE(source->next({}));
  server.command("stall cam0");
  uint64_t seen = 0;
  expect_quick_stop(*source, [&] { return std::exchange(seen, source->stats().frames) == source->stats().frames; });
}

TEST(RtspSource, StopsWhenDescribeIsNeverAnswered) {
  RtspServer server;
  NEED_SERVER(server);
  server.command("hang cam0");
  auto source = testing::open({.url = server.url()});
  expect_quick_stop(*source, [&] { return source->stats().state == SourceState::kConnecting; });
}

TEST(RtspSource, FailsAtOnceWhenRetryingCannotHelp) {
  RtspServer server;
  NEED_SERVER(server);
  for (const auto& [mount, code] :
       {std::pair("locked", ErrorCode::kPermissionDenied), {"audio", ErrorCode::kInvalidData}}) {
    auto source = testing::open({.url = server.url(mount)});
    try {
      source->next({});
      FAIL() << mount;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << mount << ": " << e.what();
    }
  }
  SourceOptions options = fast_retry(server.url("nowhere"));
  options.max_reconnects = 1;
  auto source = testing::open(options);
  EXPECT_THROW(source->next({}), Error);
  EXPECT_NE(source->stats().last_error.find("no such stream"), std::string::npos) << source->stats().last_error;
}

}  // namespace
}  // namespace vedette::media
