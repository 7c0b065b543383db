#include "vedette/link/address.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"

namespace vedette::link {
namespace {

TEST(Address, ReadsAndWrites) {
  for (const char* text : {"tcp://127.0.0.1:7400", "tcp://[::1]:0", "tcp://node-1.example:65535", "unix:/run/x.sock"})
    EXPECT_EQ(parse_address(text).text(), text);
  for (const char* text : {"", "tcp://", "tcp://host", "tcp://host:x", "tcp://host:70000", "tcp://:1", "udp://h:1",
                           "tcp://::1:5", "unix:relative", "unix:"})
    EXPECT_THROW(parse_address(text), Error) << text;
  EXPECT_THROW(parse_address("unix:/" + std::string(200, 'x')), Error);
}

TEST(Address, OffLoopbackNeedsTlsAndToken) {
  for (const char* text : {"tcp://127.8.0.1:1", "tcp://[::1]:1", "tcp://localhost:1", "unix:/x"})
    EXPECT_EQ(why_not_allowed(parse_address(text), false, false), "") << text;
  for (const char* text : {"tcp://10.0.0.1:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://example.org:1"}) {
    const Address address = parse_address(text);
    EXPECT_NE(why_not_allowed(address, false, true).find("TLS"), std::string::npos);
    EXPECT_NE(why_not_allowed(address, true, false).find("token"), std::string::npos);
    EXPECT_EQ(why_not_allowed(address, true, true), "");
  }
}

}  // namespace
}  // namespace vedette::link
