// A real etcd (package etcd-server) on loopback, with a folder of its own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/fleet/controller.h"
#include "vedette/fleet/etcd_client.h"
#include "vedette/fleet/testing.h"

namespace vedette::fleet {
namespace {

using ::testing::SizeIs;
using namespace std::chrono_literals;

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// Waits until `done`; a deadline, not a pace.
bool eventually(const std::function<bool()>& done, std::chrono::seconds limit = 20s) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
    ::usleep(2000);
  }
  return true;
}

class EtcdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    graph::testing::register_test_modules();
    const char* program = "/usr/bin/etcd";
    if (::access(program, X_OK) != 0) GTEST_SKIP() << "etcd is not installed (package etcd-server)";
    folder_ = std::filesystem::temp_directory_path() / fmt::format("vedette-etcd-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    url_ = fmt::format("http://127.0.0.1:{}", free_port());
    const std::string peer = fmt::format("http://127.0.0.1:{}", free_port());
    std::vector<std::string> words{program,
                                   "--data-dir",
                                   (folder_ / "data").string(),
                                   "--heartbeat-interval",
                                   "50",
                                   "--election-timeout",
                                   "500",
                                   "--listen-client-urls",
                                   url_,
                                   "--advertise-client-urls",
                                   url_,
                                   "--listen-peer-urls",
                                   peer,
                                   "--initial-advertise-peer-urls",
                                   peer,
                                   "--initial-cluster",
                                   "default=" + peer};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const std::string log = (folder_ / "log").string();
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    ASSERT_EQ(::posix_spawn(&etcd_, program, &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    EtcdClient client(url_, {}, 1s);
    ASSERT_TRUE(eventually([&] {
      try {
        client.get("x");
        return true;
      } catch (const Error&) {
        return false;
      }
    })) << "etcd does not answer";
  }
  void TearDown() override {
    if (etcd_ > 0) {
      ::kill(etcd_, SIGKILL);
      ::waitpid(etcd_, nullptr, 0);
    }
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  StoreOptions options() const {
    StoreOptions options;
    options.store = "etcd:" + url_;
    return options;
  }
  std::unique_ptr<Store> open(const std::string& name) const {
    return open_store(options(), name, "http://" + name + ":8080");
  }

  std::filesystem::path folder_;
  std::string url_;
  pid_t etcd_ = 0;
};

TEST_F(EtcdTest, OneLeadsAndOnlyItWrites) {
  const auto first = open("one");
  ASSERT_TRUE(eventually([&] { return first->leader().self; }));
  const auto second = open("two");
  ASSERT_TRUE(eventually([&] { return second->leader().name == "one"; }));
  EXPECT_EQ(second->leader().url, "http://one:8080");
  EXPECT_TRUE(first->commit({{{"app/a", "1", 0}, {"plan", "7", {}}}}));
  EXPECT_FALSE(first->commit({{{"app/a", "2", 0}}})) << "it exists";
  EXPECT_TRUE(first->commit({{{"app/a", "2", first->read("app/")[0].version}}}));
  EXPECT_THROW(second->commit({{{"app/a", "3", {}}}}), Error);
  ASSERT_THAT(second->read("app/"), SizeIs(1));
  EXPECT_EQ(second->read("app/")[0].key, "app/a");
  EXPECT_EQ(second->read("app/")[0].value, "2");
  std::vector<Store::Write> many;
  for (int i = 0; i < 350; ++i) many.push_back({fmt::format("place/{:03}", i), std::string(1000, 'p'), {}});
  EXPECT_TRUE(first->commit(many));
  EXPECT_THAT(second->read("place/"), SizeIs(350));
}

TEST_F(EtcdTest, ALeaderThatEndsHandsOverAtOnce) {
  auto first = open("one");
  ASSERT_TRUE(eventually([&] { return first->leader().self; }));
  const auto second = open("two");
  const uint64_t term = first->leader().term;
  first.reset();
  ASSERT_TRUE(eventually([&] { return second->leader().self; }));
  EXPECT_GT(second->leader().term, term);
}

TEST_F(EtcdTest, AStandbyLeadsTwoSecondsAfterTheLeaderWasKilled) {
  // A child that leads until it is killed. It says through the pipe when it does.
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ControllerOptions mine;
    mine.name = "one";
    mine.url = "http://one";
    mine.store = options();
    Controller controller(mine, "test");
    char said = 'n';
    if (eventually([&] { return controller.status().leader; })) {
      controller.apply({"test", ""}, "people", testing::app_yaml("people", {"yard"}), {});
      said = 'y';
    }
    if (::write(pipe_ends[1], &said, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char said = 0;
  ASSERT_EQ(::read(pipe_ends[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  ControllerOptions mine;
  mine.name = "two";
  mine.url = "http://two";
  mine.store = options();
  Controller standby(mine, "test");
  ASSERT_TRUE(eventually([&] { return standby.status().who.name == "one"; }));
  try {
    standby.snapshot();
    ADD_FAILURE() << "a standby answers";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(e.what(), ::testing::HasSubstr("the leader is one at http://one"));
  }
  ::kill(child, SIGKILL);
  const auto killed = std::chrono::steady_clock::now();
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(eventually([&] { return standby.status().leader; }));
  const auto took = std::chrono::steady_clock::now() - killed;
  RecordProperty("takeover_ms", static_cast<int>(took / 1ms));
  std::printf("a standby led %.2f s after the leader was killed\n", std::chrono::duration<double>(took).count());
  EXPECT_LT(took, 2s);
  EXPECT_THAT(standby.snapshot().applications, SizeIs(1));
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

}  // namespace
}  // namespace vedette::fleet
