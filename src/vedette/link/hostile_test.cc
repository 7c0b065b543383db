// Peers that are wrong: one clear line, the connection closed, and the others' observations go on.
#include <observation.pb.h>
#include <poll.h>
#include <sys/socket.h>

#include "vedette/link/address.h"
#include "vedette/link/socket.h"
#include "vedette/link/testing.h"
#include "vedette/link/wire.h"
#include "vedette/net/test_certificates.h"

namespace vedette::link {
namespace {

using net::TestCertificates, testing::Collector, testing::Feed, testing::Folder, testing::kChannel, testing::node,
    testing::test_observation, testing::test_picture, testing::test_stream;

/// Speaks to a node as anybody could.
class Stranger {
 public:
  explicit Stranger(const std::string& address) : socket_(start_connecting(parse_address(address), "")) {}
  void say(const std::vector<uint8_t>& bytes) {
    EXPECT_EQ(::send(socket_->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void hello(uint32_t major, const std::string& token) {
    wire::Hello hello;
    hello.set_node("stranger");
    hello.set_major(major);
    hello.set_token(token);
    std::vector<uint8_t> bytes = pack(MessageType::kHello, hello);
    bytes[4] = static_cast<uint8_t>(major);
    say(bytes);
  }
  void hang_up_halfway() { ::shutdown(socket_->fd(), SHUT_WR); }
  /// What the node says until it closes; fails when it does not close.
  std::vector<uint8_t> heard() {
    std::vector<uint8_t> all;
    for (;;) {
      pollfd fd{socket_->fd(), POLLIN, 0};
      if (::poll(&fd, 1, 20000) <= 0) {
        ADD_FAILURE() << "the connection was not closed";
        return all;
      }
      uint8_t buffer[4096];
      const ssize_t n = ::recv(socket_->fd(), buffer, sizeof buffer, 0);
      if (n <= 0) return all;
      all.insert(all.end(), buffer, buffer + n);
    }
  }
  wire::Refusal refusal() {
    const std::vector<uint8_t> bytes = heard();
    wire::Refusal refusal;
    if (bytes.size() < kPrefixBytes || bytes[5] != static_cast<uint8_t>(MessageType::kRefusal)) {
      ADD_FAILURE() << "no refusal";
    } else {
      unpack(std::span(bytes).subspan(kPrefixBytes), refusal);
    }
    return refusal;
  }

 private:
  std::unique_ptr<Socket> socket_;
};

class Hostile : public ::testing::Test {
 public:
  Hostile() : b_(options()), a_(dialler()) {
    receiver_ = b_.open_receiver(kChannel, "a", test_stream(), collector_);
    collector_.grant_to(receiver_);
    sender_ = a_.open_sender(kChannel, "b", b_.addresses(), {.patience = Duration{0}}, feed_.on_room());
    EXPECT_TRUE(feed_.put(*sender_, test_observation(0)));
    EXPECT_TRUE(collector_.wait_count(1));
  }
  ~Hostile() override {
    for (uint64_t i = 1; i < 20; ++i) EXPECT_TRUE(feed_.put(*sender_, test_observation(i, test_picture(32, 32, 1))));
    EXPECT_TRUE(collector_.wait_count(20)) << "nothing else is harmed";
    EXPECT_TRUE(collector_.gaps().empty());
    EXPECT_EQ(a_.status().peers.at(0).reconnects, 0u);
  }
  EndpointOptions options() {
    auto o = node("b", {folder_.socket("b")});
    o.token = "secret";
    o.handshake_timeout = std::chrono::milliseconds(300);
    return o;
  }
  static EndpointOptions dialler() {
    auto o = node("a");
    o.token = "secret";
    return o;
  }
  std::string address() const { return b_.addresses().at(0); }

 protected:
  Folder folder_;
  Collector collector_;
  Feed feed_;
  Endpoint b_, a_;
  std::shared_ptr<Receiver> receiver_;
  std::shared_ptr<Sender> sender_;
};

TEST_F(Hostile, WrongToken) {
  Stranger stranger(address());
  stranger.hello(1, "guess");
  const wire::Refusal refusal = stranger.refusal();
  EXPECT_EQ(refusal.code(), wire::Refusal::TOKEN);
  EXPECT_EQ(b_.status().refused, 1u);
}

TEST_F(Hostile, AnotherVersionIsRefusedByName) {
  Stranger stranger(address());
  stranger.hello(2, "secret");
  const wire::Refusal refusal = stranger.refusal();
  EXPECT_EQ(refusal.code(), wire::Refusal::VERSION);
  EXPECT_NE(refusal.reason().find("'stranger' speaks link protocol 2"), std::string::npos) << refusal.reason();
  EXPECT_NE(refusal.reason().find("upgrade"), std::string::npos);
}

TEST_F(Hostile, WrongMagic) {
  Stranger stranger(address());
  const std::string http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  stranger.say({http.begin(), http.end()});
  EXPECT_TRUE(stranger.heard().empty());
}

TEST_F(Hostile, AHeaderOfTwoGigabytes) {
  Stranger stranger(address());
  std::vector<uint8_t> prefix(kPrefixBytes);
  write_prefix(std::span<uint8_t, kPrefixBytes>(prefix.data(), kPrefixBytes), MessageType::kHello, size_t{2} << 30, 0,
               1);
  stranger.say(prefix);
  EXPECT_TRUE(stranger.heard().empty());
}

TEST_F(Hostile, HalfAMessageAndSilence) {
  Stranger silent(address());
  silent.say({'V', 'L', 'N'});
  Stranger gone(address());
  gone.say({'V', 'L', 'N', 'K', 1});
  gone.hang_up_halfway();
  EXPECT_TRUE(gone.heard().empty());
  EXPECT_TRUE(silent.heard().empty()) << "closed when the time for a greeting is over";
}

TEST_F(Hostile, AnObservationBeforeTheGreeting) {
  Stranger stranger(address());
  std::vector<uint8_t> prefix(kPrefixBytes);
  write_prefix(std::span<uint8_t, kPrefixBytes>(prefix.data(), kPrefixBytes), MessageType::kObservation, 0, 0, 1);
  stranger.say(prefix);
  EXPECT_TRUE(stranger.heard().empty());
}

TEST_F(Hostile, ObservationsThatNobodyAskedFor) {
  Stranger stranger(address());
  stranger.hello(1, "secret");
  stranger.say(pack(MessageType::kReady, wire::Ready()));
  wire::Observation observation;
  observation.set_channel(77);
  observation.add_objects()->set_labels(9);
  std::vector<uint8_t> bytes = pack(MessageType::kObservation, observation);
  stranger.say(bytes);
  stranger.heard();
}

TEST(Tls, NodesWithCertificatesOfOneAuthority) {
  auto receiving = node("b", {"tcp://127.0.0.1:0"}), sending = node("a");
  receiving.tls = TestCertificates::get().of("server");
  sending.tls = TestCertificates::get().of("client");
  receiving.token = sending.token = "secret";
  Collector collector;
  Feed feed;
  Endpoint b(receiving), a(sending);
  const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector);
  collector.grant_to(receiver);
  const auto sender =
      a.open_sender(kChannel, "b", b.addresses(), {.patience = Duration{0}, .form = PictureForm::kRaw}, feed.on_room());
  for (uint32_t i = 0; i < 20; ++i) ASSERT_TRUE(feed.put(*sender, test_observation(i, test_picture(400, 300, i))));
  ASSERT_TRUE(collector.wait_count(20));
  for (uint32_t i = 0; i < 20; ++i)
    EXPECT_TRUE(testing::same_pixels(*collector.observations()[i].frame().picture, *test_picture(400, 300, i)));
  EXPECT_TRUE(a.status().peers.at(0).tls);
}

TEST(Tls, ACertificateOfAnotherAuthorityIsRefused) {
  auto receiving = node("b", {"tcp://127.0.0.1:0"}), sending = node("a");
  receiving.tls = TestCertificates::get().of("server");
  sending.tls = TestCertificates::get().of("stranger", "server");
  receiving.token = sending.token = "secret";
  Collector collector;
  Endpoint b(receiving), a(sending);
  const auto receiver = b.open_receiver(kChannel, "a", test_stream(), collector);
  const auto sender = a.open_sender(kChannel, "b", b.addresses(), {}, [] {});
  const MonotonicTime give_up = Clock::system().monotonic() + testing::kPatience;
  while (b.status().refused == 0 && Clock::system().monotonic() < give_up) std::this_thread::yield();
  EXPECT_GT(b.status().refused, 0u);
  EXPECT_TRUE(collector.sequences().empty());
}

}  // namespace
}  // namespace vedette::link
