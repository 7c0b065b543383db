#include "vedette/cli/event_stream.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

std::string told(EventStream& stream, std::string_view bytes) {
  std::string out;
  stream.feed(bytes, [&](const ServerEvent& event) { out += event.name + "=" + event.data + ";"; });
  return out;
}

TEST(EventStream, takes_events_apart_however_they_are_cut) {
  const std::string bytes =
      ": hello\n\nevent: fleet\ndata: {\"revision\":1}\n\nevent: log\r\ndata: a\r\ndata: b\r\n\r\ndata:x\n\nid: 4\n\n";
  const std::string expected = "fleet={\"revision\":1};log=a\nb;message=x;";
  EventStream whole;
  EXPECT_EQ(told(whole, bytes), expected);
  EventStream piecewise;
  std::string all;
  for (const char byte : bytes) all += told(piecewise, {&byte, 1});
  EXPECT_EQ(all, expected);
}

TEST(EventStream, an_event_without_end_is_refused) {
  EventStream stream;
  EXPECT_THROW(
      {
        for (int i = 0; i < 40; ++i) told(stream, "data: " + std::string(50'000, 'x') + "\n");
      },
      Error);
}

}  // namespace
}  // namespace vedette::cli
