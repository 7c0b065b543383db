#include "vedette/media/url.h"

#include <gtest/gtest.h>

#include "vedette/base/error.h"
#include "vedette/media/source.h"

namespace vedette::media {
namespace {

TEST(Url, HidesCredentialsAnywhereInAText) {
  EXPECT_EQ(without_credentials("rtsp://root:p@ss@cam/main"), "rtsp://cam/main");
  EXPECT_EQ(without_credentials("open rtsp://a:b@c/ and http://d:e@f failed"), "open rtsp://c/ and http://f failed");
  EXPECT_EQ(without_credentials("rtsp://cam/mail@home"), "rtsp://cam/mail@home");
  EXPECT_EQ(without_credentials("/videos/a@b.mp4"), "/videos/a@b.mp4");
}

TEST(Url, FindsTheHost) {
  EXPECT_EQ(host_of("rtsp://u:p@cam7:554/main"), "cam7");
  EXPECT_EQ(host_of("rtsp://[::1]:8554/x"), "::1");
  EXPECT_EQ(host_of("http://cam?x=1"), "cam");
}

TEST(Url, TellsRecordingsFromCameras) {
  EXPECT_TRUE(names_a_recording("https://host/a/clip.MP4?token=1"));
  EXPECT_FALSE(names_a_recording("http://cam/mjpg/video.cgi"));
}

ErrorCode code_of(const SourceOptions& options) {
  try {
    open_source(options, std::make_shared<StreamInfo>(), std::make_shared<BufferPool>());
  } catch (const Error& e) {
    EXPECT_FALSE(e.hint().empty()) << e.what();
    return e.code();
  }
  ADD_FAILURE() << "'" << options.url << "' was taken";
  return ErrorCode::kInternal;
}

TEST(Url, OpenSourceRefusesWhatCannotWork) {
  EXPECT_EQ(code_of({.url = ""}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({.url = "/no/such/file.mp4"}), ErrorCode::kNotFound);
  EXPECT_EQ(code_of({.url = "rtps://cam/main"}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({.url = "rtsp://cam/main", .transport = "tpc"}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({.url = "rtsp://cam/main", .hardware = "vaapy"}), ErrorCode::kUsage);
}

}  // namespace
}  // namespace vedette::media
