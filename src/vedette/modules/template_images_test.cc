#include "vedette/modules/template_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "vedette/base/error.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/testing.h"
#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TemplateImages : public ::testing::Test {
 protected:
  std::string folder() const { return scratch_.path().string(); }
  std::string write(const std::string& name, std::string_view bytes) const {
    const fs::path file = scratch_.path() / name;
    fs::create_directories(file.parent_path());
    media::testing::write_text(file.string(), bytes);
    return file.string();
  }
  std::string write_jpeg(const std::string& name, uint8_t brightness = 200) const {
    const Bytes bytes = media::encode_jpeg(*testing::plain_picture(32, 64, brightness), 90);
    return write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  std::vector<std::string> names(const std::vector<std::string>& places) const {
    std::vector<std::string> all;
    for (const auto& image : list_template_images(places))
      all.push_back(image.name + " " + fs::relative(image.file, scratch_.path()).string());
    return all;
  }
  static std::string line_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.line();
    }
    return "nothing was thrown";
  }

  media::testing::ScratchFolder scratch_;
};

TEST_F(TemplateImages, NamesComeFromFilesAndSubFolders) {
  for (const char* file : {"bert.jpg", "anna/2.PNG", "anna/1.jpeg", "anna/back/3.jpg", ".hidden.jpg", "notes.txt",
                           "anna/.trash/4.jpg", "carl.d.jpg"})
    write(file, "");
  EXPECT_THAT(names({folder()}), ElementsAre("anna anna/1.jpeg", "anna anna/2.PNG", "anna anna/back/3.jpg",
                                             "bert bert.jpg", "carl.d carl.d.jpg"));
  EXPECT_THAT(names({folder() + "/anna/2.PNG", folder() + "/bert.jpg"}), ElementsAre("2 anna/2.PNG", "bert bert.jpg"));
  EXPECT_EQ(names({folder(), folder()}).size(), 5U) << "once each";
}

TEST_F(TemplateImages, WhatIsNoGalleryIsRefusedInOneLine) {
  const auto list = [&](const std::string& place) { return line_of([&] { list_template_images({{place}}); }); };
  EXPECT_EQ(list(folder()), "the gallery '" + folder() +
                                "' has no pictures (put .jpg or .png pictures into it, each named after who it shows)");
  EXPECT_THAT(list(folder() + "/nobody"), HasSubstr("the gallery '" + folder() + "/nobody' does not exist"));
  EXPECT_THAT(list(write("list.txt", "x")), HasSubstr("list.txt' is no picture (a folder, or a .jpg, .jpeg or .png"));
}

TEST_F(TemplateImages, ReadsJpegAndPng) {
  const auto jpeg = read_template_image(write_jpeg("a.jpg"));
  EXPECT_EQ(jpeg->width(), 32);
  EXPECT_EQ(jpeg->height(), 64);
  EXPECT_NEAR(jpeg->plane(0).data[0], 214, 2) << "200 of 16 … 235 is 214 of 0 … 255";
  EXPECT_EQ(read_template_image(write_jpeg("really-a-jpeg.png"))->height(), 64);

  if (!media::testing::have("ffmpeg")) GTEST_SKIP() << "no ffmpeg program to make a PNG with";
  const std::string png = scratch_ / "b 1.png";
  ASSERT_TRUE(media::testing::ffmpeg("-f lavfi -i color=white:size=30x50:rate=1 -frames:v 1 -update 1 '" + png + "'"));
  const auto picture = read_template_image(png);
  EXPECT_EQ(picture->width(), 30);
  EXPECT_EQ(picture->height(), 50);

  const std::string bytes = media::testing::read_text(png);
  const auto cut = write("cut.png", std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_THAT(line_of([&] { read_template_image(cut); }), HasSubstr("cut.png' does not decode"));
  EXPECT_THAT(line_of([&] { read_template_image(write("%d.png", bytes)); }), HasSubstr("must not have a '%' sign"));
}

TEST_F(TemplateImages, WhatDoesNotDecodeIsNamed) {
  for (const std::string& text : {std::string(), std::string("no picture"), std::string("\xFF\xD8\xFF rubbish"),
                                  std::string("\x89PNG\r\n\x1A\n rubbish")}) {
    const auto file = write("bad.jpg", text);
    const auto line = line_of([&] { read_template_image(file); });
    EXPECT_THAT(line, HasSubstr("the gallery's picture '" + file + "' does not decode: "));
    EXPECT_THAT(line, HasSubstr("(replace or remove it)"));
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
  EXPECT_THAT(line_of([&] { read_template_image(scratch_ / "gone.jpg"); }), HasSubstr("cannot read"));
}

TEST_F(TemplateImages, TheFingerprintFollowsTheFiles) {
  write_jpeg("anna.jpg");
  const std::vector<std::string> places{folder()};
  const auto fingerprint = [&] { return fingerprint_of(list_template_images(places)); };
  const auto before = fingerprint();
  EXPECT_EQ(fingerprint(), before);
  write_jpeg("bert.jpg");
  const auto with_bert = fingerprint();
  EXPECT_NE(with_bert, before);
  fs::last_write_time(scratch_ / "bert.jpg", fs::last_write_time(scratch_ / "bert.jpg") + std::chrono::seconds(1));
  EXPECT_NE(fingerprint(), with_bert);
  fs::remove(scratch_ / "bert.jpg");
  EXPECT_EQ(fingerprint(), before);
}

}  // namespace
}  // namespace vedette::modules
