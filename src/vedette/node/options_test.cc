#include "vedette/node/options.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"
#include "vedette/node/testing.h"

namespace vedette::node {
namespace {

NodeOptions read(const std::string& text) { return read_node_options(parse_config(text, "node.yaml"), {"console"}); }

std::string fault(const std::string& text) {
  try {
    read(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidConfig);
    return e.what();
  }
  return "none";
}

TEST(NodeOptions, HaveDefaultsForEverything) {
  const auto options = read("{}");
  EXPECT_FALSE(options.name.empty());
  EXPECT_NE(options.state.find(options.name), std::string::npos) << options.state;
  ASSERT_GE(options.link.listen.size(), 1u);
  EXPECT_EQ(options.link.listen[0], "tcp://127.0.0.1:0");
}

TEST(NodeOptions, AreReadFromTheFile) {
  const auto options = read(
      "name: box-1\nlabels: {room: hall}\ncontrollers: [https://a:1, https://b:2]\ntoken_file: t\nstate: s\n"
      "link: {listen: ['tcp://0.0.0.0:7400'], pictures: jpeg, deadline_seconds: 3}\n"
      "tls: {certificate: c.pem, key: k.pem, authority: a.pem}\nconsole: {port: 1}\n");
  EXPECT_EQ(options.name, "box-1");
  EXPECT_EQ(options.labels, (std::vector<std::pair<std::string, std::string>>{{"room", "hall"}}));
  EXPECT_EQ(options.controllers.size(), 2u);
  EXPECT_EQ(options.link.pictures, link::PictureForm::kJpeg);
  EXPECT_EQ(options.link.listen, std::vector<std::string>{"tcp://0.0.0.0:7400"});
  EXPECT_TRUE(options.tls.complete());
}

TEST(NodeOptions, PutTheSocketIntoTheStateFolderIfItsPathIsShortEnough) {
  EXPECT_EQ(read("{state: /s}").link.listen, (std::vector<std::string>{"tcp://127.0.0.1:0", "unix:/s/link.sock"}));
  EXPECT_EQ(read("{state: /" + std::string(120, 's') + "}").link.listen.size(), 1u);
}

TEST(NodeOptions, AreRefusedWithEveryFault) {
  const auto faults = fault("name: 'a b'\ncontrollers: [host]\nlinks: 1\nlink: {jpeg_quality: 0}\n");
  EXPECT_NE(faults.find("'a b' cannot be a node's name"), std::string::npos) << faults;
  EXPECT_NE(faults.find("controller 'host' is no URL"), std::string::npos) << faults;
  EXPECT_NE(faults.find("did you mean 'link'?"), std::string::npos) << faults;
  EXPECT_NE(faults.find("jpeg_quality"), std::string::npos) << faults;
  for (const char* name : {"name: ../x", "name: -x", "name: 'ä'"})
    EXPECT_NE(fault(name).find("cannot be a node's name"), std::string::npos) << name;
}

TEST(NodeOptions, SendNoTokenInTheClearToAnotherMachine) {
  for (const char* here : {"http://localhost:1", "http://127.0.0.1:80/x", "http://[::1]:9", "https://far:1"})
    EXPECT_EQ(read(std::string("controllers: ['") + here + "']").controllers.size(), 1u) << here;
  for (const char* away : {"http://10.0.0.2:1", "http://localhost.evil:1", "http://[fe80::1]:1"})
    EXPECT_NE(fault(std::string("controllers: ['") + away + "']").find("write https://"), std::string::npos) << away;
}

}  // namespace
}  // namespace vedette::node
