#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "vedette/modules/testing.h"
#include "vedette/modules/webhook_sender.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::settings_faults;
using testing::start_module;
using testing::test_context;
using testing::test_observation;

constexpr auto kDeadline = std::chrono::seconds(60);

/// A receiver on a loopback port of its own. It answers `replies` one after the other, then 200.
class Receiver {
 public:
  explicit Receiver(std::vector<int> replies = {}) : replies_(std::move(replies)) {
    server_.new_task_queue = [] { return std::make_unique<httplib::ThreadPool>(2).release(); };
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      std::unique_lock lock(mutex_);
      const size_t index = requests_.size();
      requests_.push_back(request);
      changed_.notify_all();
      if (hangs_) changed_.wait_for(lock, kDeadline, [this] { return !hangs_; });
      response.status = index < replies_.size() ? replies_[index] : 200;
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Receiver() {
    hang(false);
    server_.stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook?token=hush"; }
  void hang(bool hangs) {
    const std::lock_guard lock(mutex_);
    hangs_ = hangs;
    changed_.notify_all();
  }
  /// Waits until so many requests have come.
  std::vector<httplib::Request> requests(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kDeadline, [&] { return requests_.size() >= count; }))
        << requests_.size() << " of " << count;
    return requests_;
  }
  size_t seen() {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }

 private:
  std::vector<int> replies_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<httplib::Request> requests_;
  bool hangs_ = false;
};

WebhookOptions quick(const std::string& url) {
  WebhookOptions options;
  options.url = url;
  options.batch_wait = Duration{0};
  options.timeout = kDeadline;
  options.stop_timeout = kDeadline;
  options.backoff.initial_seconds = 0.01;
  options.backoff.max_seconds = 0.02;
  return options;
}

TEST(WebhookSignature, EqualsAKnownAnswer) {
  // printf '1700000000.[{"a":1}]' | openssl dgst -sha256 -hmac secret
  EXPECT_EQ(webhook_signature("secret", "1700000000", R"([{"a":1}])"),
            "sha256=516856209dea79008d72e48f00c1c767cd294a440ae742a16140cd7375ced090");
}

TEST(WebhookSender, PostsASignedArrayThatTheReceiverCanCheck) {
  Receiver receiver;
  auto options = quick(receiver.url());
  options.secret = "hush hush";
  options.headers = {{"X-Site", "yard 7"}};
  const ManualClock clock(Timestamp{} + std::chrono::seconds(1700000000));
  WebhookSender sender(options, clock);
  EXPECT_TRUE(sender.post(R"({"a":1})"));
  EXPECT_EQ(sender.stop(), 0u);
  const auto request = receiver.requests(1).at(0);
  EXPECT_EQ(request.body, R"([{"a":1}])");
  EXPECT_EQ(request.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(request.get_header_value("X-Site"), "yard 7");
  EXPECT_EQ(request.get_header_value("X-Vedette-Timestamp"), "1700000000");
  EXPECT_EQ(request.get_header_value("X-Vedette-Signature"),
            webhook_signature("hush hush", "1700000000", request.body));
  EXPECT_EQ(request.get_header_value("Idempotency-Key").size(), 32u);
}

TEST(WebhookSender, TriesAgainAfter503UnderTheSameKey) {
  Receiver receiver({503, 429, 500});
  WebhookSender sender(quick(receiver.url()));
  sender.post("1");
  const auto requests = receiver.requests(4);
  EXPECT_EQ(sender.stop(), 0u);
  std::set<std::string> keys, bodies;
  for (const auto& request : requests) {
    keys.insert(request.get_header_value("Idempotency-Key"));
    bodies.insert(request.body);
  }
  EXPECT_EQ(keys.size(), 1u);
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_FALSE(requests[0].has_header("X-Vedette-Signature")) << "no secret, no signature";
}

TEST(WebhookSender, GivesUpAfterTheLastTryAndGoesOnWithTheNext) {
  Receiver receiver({503, 503, 503});
  auto options = quick(receiver.url());
  options.tries = 3;
  options.batch_size = 1;
  WebhookSender sender(options);
  sender.post("1");
  sender.post("2");
  const auto requests = receiver.requests(4);
  EXPECT_EQ(requests[2].body, "[1]");
  EXPECT_EQ(requests[3].body, "[2]");
  EXPECT_NE(requests[3].get_header_value("Idempotency-Key"), requests[2].get_header_value("Idempotency-Key"));
  EXPECT_EQ(sender.stop(), 1u);
}

TEST(WebhookSender, ARefusalIsFinalAndARedirectIsNotFollowed) {
  Receiver receiver({400, 302});
  auto options = quick(receiver.url());
  options.batch_size = 1;
  WebhookSender sender(options);
  sender.post("1");
  receiver.requests(1);
  sender.post("2");
  receiver.requests(2);
  EXPECT_EQ(sender.stop(), 2u);
  EXPECT_EQ(receiver.seen(), 2u);
}

TEST(WebhookSender, GathersWhatWaitsIntoOneRequestInOrder) {
  Receiver receiver;
  auto options = quick(receiver.url());
  options.batch_wait = kDeadline;  // ends when the batch is full, or at stop()
  options.batch_size = 3;
  WebhookSender sender(options);
  for (const char* text : {"1", "2", "3", "4"}) sender.post(text);
  EXPECT_EQ(receiver.requests(1)[0].body, "[1,2,3]");
  EXPECT_EQ(sender.stop(), 0u);
  EXPECT_EQ(receiver.requests(2)[1].body, "[4]");
}

TEST(WebhookSender, WhenTheQueueIsFullTheOldestGoes) {
  Receiver receiver;
  receiver.hang(true);
  auto options = quick(receiver.url());
  options.max_pending = 2;
  options.batch_size = 1;
  WebhookSender sender(options);
  EXPECT_TRUE(sender.post("0"));
  receiver.requests(1);  // "0" is under way
  EXPECT_TRUE(sender.post("1"));
  EXPECT_TRUE(sender.post("2"));
  EXPECT_FALSE(sender.post("3"));
  receiver.hang(false);
  EXPECT_EQ(receiver.requests(3)[1].body, "[2]");
  EXPECT_EQ(sender.stop(), 0u);
}

TEST(WebhookSender, AHangingServerHoldsUpStopOnlyToItsDeadline) {
  Receiver receiver;
  receiver.hang(true);
  auto options = quick(receiver.url());
  options.stop_timeout = std::chrono::milliseconds(50);
  options.batch_size = 1;
  WebhookSender sender(options);
  sender.post("1");
  receiver.requests(1);
  sender.post("2");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(sender.stop(), 2u);
  EXPECT_LT(std::chrono::steady_clock::now() - before, kDeadline / 2) << "far from the request's own timeout";
  EXPECT_EQ(sender.last_error(), "no answer in time");
}

TEST(WebhookSender, StopEndsTheWaitBetweenTriesWithOneLastTry) {
  Receiver receiver({503});
  auto options = quick(receiver.url());
  options.backoff.initial_seconds = options.backoff.max_seconds = 3600;
  options.max_age = std::chrono::hours(24);
  WebhookSender sender(options);
  sender.post("1");
  receiver.requests(1);
  EXPECT_EQ(sender.stop(), 0u);
  EXPECT_EQ(receiver.seen(), 2u);
}

TEST(WebhookSender, NobodyThereIsCountedAtStop) {
  auto options = quick("http://127.0.0.1:1/");
  options.tries = 1000;
  WebhookSender sender(options);
  sender.post("1");
  sender.post("2");
  EXPECT_EQ(sender.stop(), 2u);
  EXPECT_NE(sender.last_error(), "");
}

TEST(WebhookUrl, OnlyHttpAndHttps) {
  EXPECT_EQ(post_url_fault("https://example.org/x"), "");
  EXPECT_THAT(post_url_fault("ftp://example.org/x"), HasSubstr("only http and https"));
  EXPECT_THAT(post_url_fault("file:///etc/passwd"), HasSubstr("only http and https"));
  EXPECT_NE(post_url_fault("example.org/x"), "");
  EXPECT_NE(post_url_fault("http://"), "");
  EXPECT_EQ(log_url("https://me:pw@example.org:81/x?token=1"), "https://example.org:81");
}

Observation with_event(EventKind kind) {
  Event event;
  event.kind = kind;
  event.zone = "door";
  event.label = "person";
  return test_observation({}).with_events({event});
}

TEST(Webhook, PostsTheWantedEventsWithTheApplicationsName) {
  Receiver receiver;
  ::setenv("VEDETTE_TEST_SECRET", "s3cret", 1);
  auto hook = start_module(
      "webhook", "{url: '" + receiver.url() + "', events: [enter], batch_ms: 0, secret_env: VEDETTE_TEST_SECRET}",
      test_context(nullptr));
  CollectingEmit emit;
  hook->process(with_event(EventKind::kCount), emit);
  hook->process(with_event(EventKind::kEnter), emit);
  const auto request = receiver.requests(1).at(0);
  hook->stop();
  const auto body = nlohmann::json::parse(request.body);
  ASSERT_EQ(body.size(), 1u);
  EXPECT_EQ(body[0]["application"], "test");
  EXPECT_EQ(body[0]["event"], "enter");
  EXPECT_EQ(body[0]["zone"], "door");
  EXPECT_EQ(request.get_header_value("X-Vedette-Signature"),
            webhook_signature("s3cret", request.get_header_value("X-Vedette-Timestamp"), request.body));
  EXPECT_EQ(receiver.seen(), 1u);
}

TEST(Webhook, WhatIsLostIsCounted) {
  Receiver receiver({400});
  auto hook = start_module("webhook", "{url: '" + receiver.url() + "', batch_ms: 0, batch_size: 1, max_pending: 1}",
                           test_context(nullptr));
  CollectingEmit emit;
  hook->process(with_event(EventKind::kEnter), emit);
  receiver.requests(1);
  receiver.hang(true);
  hook->process(with_event(EventKind::kEnter), emit);
  receiver.requests(2);  // the first one has been given up, the second is under way
  hook->process(with_event(EventKind::kEnter), emit);
  hook->process(with_event(EventKind::kEnter), emit);
  EXPECT_EQ(emit.drops["undelivered"], 1);
  EXPECT_EQ(emit.drops["queue_full"], 1);
  receiver.hang(false);
  hook->stop();
}

TEST(Webhook, StopSaysWhatCouldNotBeDelivered) {
  auto hook =
      start_module("webhook", "{url: 'http://127.0.0.1:1/?token=hush', stop_timeout_ms: 1000}", test_context(nullptr));
  CollectingEmit emit;
  hook->process(with_event(EventKind::kEnter), emit);
  try {
    hook->stop();
    FAIL() << "nobody was there";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(e.what(), HasSubstr("webhook http://127.0.0.1:1: 1 events were not delivered"));
  }
}

TEST(Webhook, SecretsComeFromFilesAndMissingOnesAreRefused) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("vedette_secret_" + std::to_string(::getpid()))).string();
  std::ofstream(path) << "from a file\n";
  Receiver receiver;
  auto hook = start_module("webhook", "{url: '" + receiver.url() + "', batch_ms: 0, secret_file: " + path + "}",
                           test_context(nullptr));
  CollectingEmit emit;
  hook->process(with_event(EventKind::kEnter), emit);
  const auto request = receiver.requests(1).at(0);
  hook->stop();
  EXPECT_EQ(request.get_header_value("X-Vedette-Signature"),
            webhook_signature("from a file", request.get_header_value("X-Vedette-Timestamp"), request.body));
  std::filesystem::remove(path);
  EXPECT_THROW(start_module("webhook", "{url: 'http://a/', secret_file: " + path + "}"), Error);
  EXPECT_THROW(start_module("webhook", "{url: 'http://a/', secret_env: VEDETTE_NO_SUCH_SECRET}"), Error);
}

TEST(Webhook, SettingsFaults) {
  EXPECT_THAT(settings_faults("webhook", "{}"), HasSubstr("'url' is missing"));
  EXPECT_THAT(settings_faults("webhook", "url: 'ftp://a/'"), HasSubstr("test.yaml:1: only http and https"));
  EXPECT_THAT(settings_faults("webhook", "{url: 'http://a/', events: [entre]}"), HasSubstr("did you mean 'enter'?"));
  EXPECT_THAT(settings_faults("webhook", "{url: 'http://a/', secret: a, secret_env: B}"), HasSubstr("give one of"));
  EXPECT_THAT(settings_faults("webhook", "{url: 'http://a/', headers: {'X\\nY': b}}"),
              HasSubstr("no name of a header"));
  EXPECT_THAT(settings_faults("webhook", "{url: 'http://a/', headers: {X: \"b\\r\\nC: d\"}}"),
              HasSubstr("control characters"));
}

}  // namespace
}  // namespace vedette::modules
