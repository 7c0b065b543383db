#include "vedette/console/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "vedette/base/error.h"

namespace vedette::console {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

Observation seen(const std::string& stream, uint64_t sequence, int objects = 0) {
  auto picture = Picture::make(PixelFormat::kBgr, 64, 48);
  std::memset(picture->plane(0).data, 100, static_cast<size_t>(picture->plane(0).stride_bytes) * 48);
  auto frame = std::make_shared<Frame>();
  frame->stream = std::make_shared<StreamInfo>(StreamInfo{stream, 0});
  frame->sequence = sequence;
  frame->width = 64;
  frame->height = 48;
  frame->picture = picture;
  std::vector<Object> found(static_cast<size_t>(objects));
  for (auto& object : found) object.box = {1, 2, 30, 40};
  return Observation{frame}.with_objects(std::move(found));
}

Observation with_event(const Observation& observation, int64_t count) {
  Event event;
  event.kind = EventKind::kCount;
  event.zone = "door";
  event.label = "person";
  event.count = count;
  return observation.with_events({event});
}

graph::ApplicationStatus running() {
  graph::ApplicationStatus status;
  status.name = "people";
  status.state = "running";
  auto& module = status.modules.emplace_back();
  module.name = module.type = "detect";
  module.processed = 7;
  module.dropped = {{"superseded", 3}};
  auto& stream = status.streams.emplace_back();
  stream.name = "yard";
  stream.state = "streaming";
  stream.frames = 9;
  return status;
}

class ServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.port = 0;
    server_ = std::make_unique<Server>(options, hub_, [this] {
      const std::lock_guard lock(mutex_);
      return status_;
    });
    server_->start();
  }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", server_->port());
    made.set_read_timeout(10);
    return made;
  }

  /// The answer's status, and its body as JSON.
  std::pair<int, json> get(const std::string& path, const httplib::Headers& headers = {}) const {
    const auto result = client().Get(path, headers);
    if (!result) return {0, {}};
    return {result->status, json::parse(result->body, nullptr, false)};
  }

  /// Reads a long-lived answer until it holds `until` as often as wanted; then hangs up.
  std::string read_until(const std::string& path, const std::string& until, int times = 1,
                         const httplib::Headers& headers = {}) const {
    std::string all;
    client().Get(path, headers, [&](const char* data, size_t size) {
      all.append(data, size);
      int found = 0;
      for (size_t at = all.find(until); at != std::string::npos; at = all.find(until, at + 1)) ++found;
      return found < times;
    });
    return all;
  }

  std::mutex mutex_;
  live::Hub hub_;
  std::vector<graph::ApplicationStatus> status_{running()};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, answers_the_state_as_json) {
  start();
  const auto [code, body] = get("/api/status");
  EXPECT_EQ(code, 200);
  EXPECT_EQ(body["applications"][0]["modules"][0]["dropped"]["superseded"], 3);
  EXPECT_EQ(body["applications"][0]["streams"][0]["view"], "people/yard");
  hub_.publish("people", with_event(seen("yard", 5), 2));
  EXPECT_EQ(get("/api/streams").second["streams"][0]["sequence"], 5);
  EXPECT_EQ(get("/api/events").second["events"][0]["count"], 2);
  EXPECT_EQ(get("/api/events?after=1").second["events"].size(), 0u);
  EXPECT_EQ(get("/api/zones?seconds=5").second["series"][0]["values"].size(), 5u);
  EXPECT_EQ(get("/api/openapi.json").second["openapi"], "3.1.0");
}

TEST_F(ServerTest, says_what_is_wrong_with_a_request) {
  start();
  hub_.publish("people", seen("yard", 1));
  const auto message = [&](const std::string& path, int expected) {
    const auto [code, body] = get(path);
    EXPECT_EQ(code, expected) << path;
    return body["error"]["message"].get<std::string>() + " (" + body["error"]["hint"].get<std::string>() + ")";
  };
  EXPECT_EQ(message("/nowhere", 404), "nothing is served at /nowhere (/api/openapi.json lists what is)");
  EXPECT_EQ(message("/api/events?limit=0", 400), "parameter 'limit' is '0' (a whole number from 1 to 2000)");
  EXPECT_EQ(message("/api/events?limti=1", 400), "/api/events has no parameter 'limti' (did you mean 'limit'?)");
  EXPECT_EQ(message("/live?fps=nan", 400), "parameter 'fps' is 'nan' (a number from 0.1 to 240)");
  EXPECT_EQ(message("/live/yad.mjpeg", 404), "no stream is called 'yad' (did you mean 'yard'?)");
  EXPECT_THAT(message("/api/zones?seconds=1&seconds=2", 400), HasSubstr("more than once"));
  const auto posted = client().Post("/api/status", "{}", "application/json");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 405);
  EXPECT_EQ(posted->get_header_value("Allow"), "GET, HEAD");
}

TEST_F(ServerTest, refuses_other_hosts_and_sites) {
  start();
  EXPECT_EQ(get("/api/status", {{"Host", "cameras.example"}}).first, 403);
  EXPECT_EQ(get("/api/status", {{"Host", "127.0.0.1.example:80"}}).first, 403);
  EXPECT_EQ(get("/api/status", {{"Host", "localhost:1"}}).first, 200) << "a tunnel's port";
  EXPECT_EQ(get("/api/status", {{"Host", "localhost:1"}, {"Origin", "http://localhost:1"}}).first, 200);
  EXPECT_EQ(get("/api/status", {{"Origin", "http://evil.example"}}).first, 403);
  EXPECT_EQ(get("/live/yard.jpg", {{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}).first, 403);
}

TEST_F(ServerTest, sends_security_headers_with_every_answer) {
  start();
  for (const char* path : {"/", "/nowhere", "/api/status"}) {
    const auto result = client().Get(path);
    ASSERT_TRUE(result);
    EXPECT_THAT(result->get_header_value("Content-Security-Policy"), HasSubstr("frame-ancestors 'none'")) << path;
    EXPECT_EQ(result->get_header_value("X-Content-Type-Options"), "nosniff") << path;
  }
}

TEST_F(ServerTest, readiness_follows_applications_and_streams) {
  start();
  EXPECT_EQ(get("/health/live").first, 200);
  EXPECT_EQ(get("/health/ready").first, 200);
  {
    const std::lock_guard lock(mutex_);
    status_[0].streams[0].state = "failed";
    status_[0].streams[0].last_error = "no such host";
  }
  const auto [code, body] = get("/health/ready");
  EXPECT_EQ(code, 503);
  EXPECT_EQ(body["reasons"][0], "stream 'yard' of 'people' has failed: no such host");
}

TEST_F(ServerTest, metrics_are_prometheus_text) {
  start();
  const auto result = client().Get("/metrics");
  ASSERT_TRUE(result);
  EXPECT_THAT(result->get_header_value("Content-Type"), StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(result->body,
              HasSubstr(R"(vedette_module_dropped_total{application="people",module="detect",reason="superseded"} 3)"));
  EXPECT_THAT(result->body, HasSubstr("# TYPE vedette_module_execution_seconds histogram"));
  EXPECT_THAT(result->body, HasSubstr("vedette_process_resident_memory_bytes "));
}

TEST_F(ServerTest, one_connection_carries_several_streams) {
  start();
  hub_.publish("people", seen("yard", 7, 1));
  hub_.publish("people", seen("gate", 8));
  hub_.publish("people", seen("hall", 9));
  const std::string all = read_until("/live?streams=yard,people/gate", "\xFF\xD9\r\n--vedette\r\n", 2);
  EXPECT_THAT(all, StartsWith("--vedette\r\nContent-Type: image/jpeg\r\nContent-Length: "));
  EXPECT_THAT(all, HasSubstr("X-Vedette-Stream: people/yard\r\nX-Vedette-Sequence: 7\r\n"));
  EXPECT_THAT(all, HasSubstr("X-Vedette-Size: 64x48\r\nX-Vedette-Objects: [[1,2,30,40,\"0\",0,null]]\r\n"));
  EXPECT_THAT(all, HasSubstr("X-Vedette-Stream: people/gate\r\nX-Vedette-Sequence: 8\r\n"));
  EXPECT_THAT(all, testing::Not(HasSubstr("people/hall")));
}

TEST_F(ServerTest, plain_motion_jpeg_and_snapshots_with_and_without_boxes) {
  start();
  hub_.publish("people", seen("yard", 7, 1));
  const std::string plain = read_until("/live/yard.mjpeg", "\xFF\xD9\r\n--vedette");
  EXPECT_THAT(plain, HasSubstr("\r\n\r\n\xFF\xD8"));
  EXPECT_THAT(plain, testing::Not(HasSubstr("X-Vedette-Objects")));
  const std::string ranged =
      read_until("/live/people/yard.mjpeg?boxes=1", "\xFF\xD9\r\n--vedette", 1, {{"Range", "bytes=0-"}});
  EXPECT_THAT(ranged, HasSubstr("\r\n\r\n\xFF\xD8")) << "players ask for a range";
  const auto clean = client().Get("/live/yard.jpg");
  const auto drawn = client().Get("/live/yard.jpg?boxes=1");
  ASSERT_TRUE(clean && drawn);
  EXPECT_EQ(clean->get_header_value("X-Vedette-Sequence"), "7");
  EXPECT_THAT(clean->body, StartsWith("\xFF\xD8"));
  EXPECT_NE(clean->body, drawn->body);
}

TEST_F(ServerTest, server_sent_events_resume) {
  start();
  for (int64_t i = 1; i <= 3; ++i) hub_.publish("people", with_event(seen("yard", static_cast<uint64_t>(i)), i));
  const std::string fresh = read_until("/api/live", "event: status");
  EXPECT_THAT(fresh, StartsWith("event: hello\ndata: {\"version\":"));
  EXPECT_THAT(fresh, HasSubstr("\n\nevent: streams\ndata: {"));
  EXPECT_THAT(fresh, testing::Not(HasSubstr("event: event")));
  const std::string again =
      read_until("/api/live?observations=0", "event: event", 2, {{"Last-Event-ID", hub_.epoch() + ":1"}});
  EXPECT_THAT(again, HasSubstr("id: " + hub_.epoch() + ":2\nevent: event\ndata: {"));
  const std::string other_process =
      read_until("/api/live?observations=0", "event: event", 3, {{"Last-Event-ID", "0ld:2"}});
  EXPECT_THAT(other_process, HasSubstr(hub_.epoch() + ":1\n"));
}

TEST_F(ServerTest, server_sent_events_carry_observations) {
  start();
  std::promise<void> open;
  std::string all;
  std::jthread viewer([&] {
    bool said = false;
    client().Get("/api/live?streams=people/yard", [&](const char* data, size_t size) {
      all.append(data, size);
      if (!std::exchange(said, true)) open.set_value();
      return all.find("\"sequence\":12") == std::string::npos;
    });
  });
  open.get_future().wait();
  hub_.publish("people", seen("gate", 11));
  hub_.publish("people", seen("yard", 12, 1));
  viewer.join();
  EXPECT_THAT(all, HasSubstr("event: observation\ndata: {\"view\":\"people/yard\",\"sequence\":12,"));
  EXPECT_THAT(all, testing::Not(HasSubstr("event: observation\ndata: {\"view\":\"people/gate\"")));
}

TEST_F(ServerTest, stops_at_once_with_open_viewers_and_idle_connections) {
  start();
  hub_.publish("people", seen("yard", 1));
  std::vector<std::jthread> viewers;
  std::vector<std::promise<void>> open(4);
  const std::array<std::string, 4> paths{"/api/live", "/live", "/live/yard.mjpeg", "/live/yard.mjpeg?boxes=1"};
  for (size_t i = 0; i < paths.size(); ++i) {
    viewers.emplace_back([&, i] {
      bool said = false;
      client().Get(paths[i], [&](const char*, size_t) {
        if (!std::exchange(said, true)) open[i].set_value();
        return true;
      });
    });
  }
  for (auto& one : open) one.get_future().wait();
  auto idle = client();
  idle.set_keep_alive(true);
  ASSERT_TRUE(idle.Get("/health/live"));
  const auto begin = Clock::system().monotonic();
  server_->stop();
  EXPECT_LT(to_seconds(Clock::system().monotonic() - begin), 1.0);
  viewers.clear();  // their answers have ended
  EXPECT_EQ(hub_.stats().viewers, 0u);
  server_->stop();
}

TEST_F(ServerTest, one_viewer_too_many_is_told_so) {
  live::HubOptions limited;
  limited.max_viewers = 1;
  live::Hub small(limited);
  small.publish("people", seen("yard", 1));
  Server one({.address = "127.0.0.1", .port = 0}, small, [] { return std::vector<graph::ApplicationStatus>{}; });
  one.start();
  const auto holder = small.watch_pictures({});
  const auto result = httplib::Client("127.0.0.1", one.port()).Get("/live");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 503);
  EXPECT_THAT(result->body, HasSubstr("1 viewers are connected, which is the limit"));
}

TEST_F(ServerTest, one_connection_too_many_is_answered_503) {
  ServerOptions options;
  options.max_connections = 1;
  start(options);
  auto first = client();
  first.set_keep_alive(true);
  ASSERT_TRUE(first.Get("/health/live"));
  const auto second = client().Get("/health/live");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 503);
}

TEST_F(ServerTest, a_taken_port_is_one_clear_line) {
  start();
  ServerOptions same;
  same.port = server_->port();
  Server other(same, hub_, [] { return std::vector<graph::ApplicationStatus>{}; });
  try {
    other.start();
    FAIL() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kAddressInUse);
    EXPECT_EQ(error.line(), "port " + std::to_string(same.port) + " is taken (choose another with --console PORT)");
  }
}

TEST_F(ServerTest, only_loopback_addresses) {
  for (const char* address : {"0.0.0.0", "::", "192.168.1.4"}) {
    Server open({.address = address, .port = 0}, hub_, [] { return std::vector<graph::ApplicationStatus>{}; });
    EXPECT_THROW(open.start(), Error) << address;
  }
}

/// Two tenants with a stream of the same name each.
class TenantTest : public ServerTest {
 public:
  TenantTest() : key_(testing::TempDir() + "vedette-console-key-" + std::to_string(::getpid())) {
    net::make_key_file(key_);
    ServerOptions options;
    options.authority = authority_ =
        std::make_shared<net::Authority>(net::AuthorityOptions{.key = key_, .revoked = {}});
    status_[0].tenant = "acme";
    status_.push_back(running());
    status_[1].name = "cars";
    status_[1].tenant = "other";
    net::Routes extra;
    extra.add(
        "PUT", "/api/apps/{name}", net::Role::kOperator,
        [](const net::Request& request, net::Response& response) {
          net::answer_json(response, request.capture("name") + " " + request.principal.tenant);
        },
        "Creates or changes an application");
    options.port = 0;
    server_ = std::make_unique<Server>(
        options, hub_,
        [this] {
          const std::lock_guard lock(mutex_);
          return status_;
        },
        extra);
    server_->start();
    hub_.publish("people", with_event(seen("yard", 5, 1), 2));
    hub_.publish("cars", with_event(seen("yard", 6, 1), 3));
  }
  ~TenantTest() override {
    server_.reset();
    ::unlink(key_.c_str());
  }
  httplib::Headers as(net::Role role, const std::string& tenant) const {
    return {{"Authorization", "Bearer " + authority_->issue("ann", role, tenant, std::chrono::hours(1))}};
  }

 protected:
  const std::string key_;
  std::shared_ptr<const net::Authority> authority_;
};

TEST_F(TenantTest, a_viewer_sees_the_own_tenant_only) {
  const auto acme = as(net::Role::kViewer, "acme"), all = as(net::Role::kViewer, "");
  for (const char* path : {"/api/status", "/api/streams", "/api/events", "/api/zones", "/metrics"}) {
    const std::string mine = client().Get(path, acme)->body, everything = client().Get(path, all)->body;
    EXPECT_THAT(mine, HasSubstr("people")) << path;
    EXPECT_THAT(mine, testing::Not(HasSubstr("cars"))) << path;
    EXPECT_THAT(everything, HasSubstr("people")) << path;
    EXPECT_THAT(everything, HasSubstr("cars")) << path;
    EXPECT_EQ(client().Get(path)->status, 401) << path;
  }
  EXPECT_EQ(client().Get("/live/cars/yard.jpg", acme)->status, 404);
  EXPECT_EQ(client().Get("/live/yard.jpg", as(net::Role::kViewer, "other"))->get_header_value("X-Vedette-Sequence"),
            "6")
      << "a stream's name alone is the own one";
  EXPECT_EQ(client().Get("/live/yard.jpg", acme)->get_header_value("X-Vedette-Sequence"), "5");
  EXPECT_EQ(client().Get("/live/yard.jpg", as(net::Role::kNode, ""))->status, 403);
}

TEST_F(TenantTest, live_answers_are_the_own_tenants) {
  std::jthread publisher([&](const std::stop_token& stop) {
    for (uint64_t i = 10; !stop.stop_requested(); ++i) {
      hub_.publish("cars", with_event(seen("yard", i, 1), 4));
      hub_.publish("people", with_event(seen("yard", i, 1), 5));
      std::this_thread::yield();
    }
  });
  const auto acme = as(net::Role::kViewer, "acme");
  const std::string events = read_until("/api/live", "event: event", 20, acme);
  EXPECT_THAT(events, HasSubstr("event: observation\ndata: {\"view\":\"people/yard\""));
  EXPECT_THAT(events, testing::Not(HasSubstr("cars")));
  const std::string pictures = read_until("/live", "\xFF\xD9\r\n--vedette", 3, acme);
  EXPECT_THAT(pictures, testing::Not(HasSubstr("cars")));
  const std::string asked = read_until("/live?streams=cars/yard,people/yard", "\xFF\xD9\r\n--vedette", 3, acme);
  EXPECT_THAT(asked, testing::Not(HasSubstr("cars")));
}

TEST_F(TenantTest, everybody_may_load_the_page_and_learn_that_a_token_is_needed) {
  for (const char* path : {"/", "/health/live", "/health/ready", "/api/openapi.json"})
    EXPECT_EQ(client().Get(path)->status, 200) << path;
  EXPECT_EQ(get("/api/whoami").second["token_needed"], true);
  status_[1].streams[0].state = "failed";
  EXPECT_TRUE(get("/health/ready").second["reasons"].empty()) << "names of streams are not for everybody";
  EXPECT_EQ(get("/health/ready", as(net::Role::kViewer, "")).second["reasons"].size(), 1u);
}

TEST_F(TenantTest, other_parts_of_the_program_add_routes) {
  const auto put = [&](const httplib::Headers& headers) {
    return client().Put("/api/apps/people", headers, "name: people", "application/yaml");
  };
  EXPECT_EQ(put(as(net::Role::kOperator, "acme"))->body, "people acme");
  EXPECT_EQ(put(as(net::Role::kViewer, "acme"))->status, 403);
  const json described = get("/api/openapi.json").second["paths"]["/api/apps/{name}"]["put"];
  EXPECT_EQ(described["summary"], "Creates or changes an application");
  EXPECT_EQ(described["x-vedette-role"], "operator");
}

TEST_F(ServerTest, lets_go_of_one_who_sends_too_much_or_too_slowly) {
  ServerOptions options;
  options.max_request_bytes = 4096;
  options.request_timeout = std::chrono::milliseconds(50);
  start(options);
  EXPECT_NE(get("/health/live", {{"X-Long", std::string(7000, 'x')}}).first, 200);

  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(server_->port()));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  ASSERT_EQ(::send(fd, "GET /he", 7, 0), 7);
  char answer[256];
  ssize_t got = 0;
  while ((got = ::recv(fd, answer, sizeof answer, 0)) > 0) {
  }
  EXPECT_LE(got, 0) << "hung up";
  ::close(fd);
}

}  // namespace
}  // namespace vedette::console
