#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <set>

#include "vedette/infer/embedder.h"
#include "vedette/infer/test_support.h"
#include "vedette/media/convert.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/testing.h"
#include "vedette/modules/testing.h"

namespace vedette::modules {
namespace {

using testing::CollectingEmit;
using ::testing::HasSubstr;
using testing::settings_faults;
using testing::start_module;
using testing::test_object;
using testing::test_observation;

TEST(ReidSettings, Faults) {
  EXPECT_EQ(settings_faults("reid", "gallery: people"), "") << "looked for when it starts, not where it is checked";
  EXPECT_EQ(settings_faults("reid", "gallery: [people, more/carl.png]"), "");
  EXPECT_THAT(settings_faults("reid", "{}"), HasSubstr("'gallery' is missing"));
  EXPECT_THAT(settings_faults("reid", "gallery: []"), HasSubstr("'gallery' names no folder"));
  EXPECT_THAT(settings_faults("reid", "{gallery: people, model: osnet-x0-52}"), HasSubstr("osnet-x0-5"));
  EXPECT_THAT(settings_faults("reid", "{gallery: people, model: nanodet-g-320}"),
              HasSubstr("has the head 'nanodet', which makes no embeddings"));
  EXPECT_THAT(settings_faults("reid", "{gallery: people, treshold: 0.5}"), HasSubstr("did you mean 'threshold'?"));
}

/// A row of the sample video's ground truth.
struct Seen {
  int id = 0;
  Box box;
};

/// People of a frame of the sample video (from 0) who are upright, wholly in the picture and not behind one another.
std::vector<Seen> people_in_clear(int frame) {
  std::vector<Seen> all, clear;
  std::ifstream in(infer::testing::shared_folder() / "data" / "mot15" / "PETS09-S2L1" / "gt.txt");
  for (std::string line; std::getline(in, line);) {
    int at = 0, id = 0;
    Box box;
    if (std::sscanf(line.c_str(), "%d,%d,%f,%f,%f,%f", &at, &id, &box.x, &box.y, &box.width, &box.height) == 6 &&
        at == frame + 1)
      all.push_back({id, box});
  }
  for (const Seen& one : all) {
    bool hidden =
        one.box.x < 2 || one.box.y < 2 || one.box.right() > 766 || one.box.bottom() > 574 || one.box.height < 60;
    for (const Seen& other : all) hidden = hidden || (other.id != one.id && iou(other.box, one.box) > 0.02F);
    if (!hidden) clear.push_back(one);
  }
  return clear;
}

/// Template images of a moment of the sample video, and what is seen later.
class ReidOnVideo : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto shared = infer::testing::shared_folder();
    if (shared.empty() || !std::filesystem::exists(shared / "models" / "osnet_x0_25_msmt17.onnx"))
      GTEST_SKIP() << "no osnet_x0_25_msmt17.onnx in the shared folder's models/; set VEDETTE_SHARED";
    if (people_in_clear(0).empty()) GTEST_SKIP() << "no ground truth of the sample video in the shared folder";
    setenv("VEDETTE_MODELS", (shared / "models").c_str(), 1);
    // Frames 0, 20 … 480, in I420 as the decoder makes them.
    frames_ = infer::testing::sample_frames("not(mod(n\\,20))*lt(n\\,500)");
    if (frames_.empty()) GTEST_SKIP() << "no sample video (package opencv-doc), or no ffmpeg program";
  }
  void TearDown() override { unsetenv("VEDETTE_MODELS"); }

  const Picture& frame(int number) const { return *frames_.at(static_cast<size_t>(number / 20)); }

  void add_template(const Seen& person, int number) const {
    const auto folder = scratch_.path() / std::to_string(person.id);
    std::filesystem::create_directories(folder);
    const Bytes jpeg = media::encode_jpeg(*media::crop(frame(number), person.box), 95);
    media::testing::write_text((folder / (std::to_string(number) + ".jpg")).string(),
                               {reinterpret_cast<const char*>(jpeg.data()), jpeg.size()});
  }
  Observation observe(int number, bool tracks) const {
    std::vector<Object> objects;
    for (const Seen& person : people_in_clear(number))
      objects.push_back(
          test_object(person.box, "person", 0.9F, tracks ? std::optional<int64_t>(person.id) : std::nullopt));
    return test_observation(
        {.sequence = static_cast<uint64_t>(number), .picture = frames_.at(static_cast<size_t>(number / 20))},
        std::move(objects));
  }
  std::string yaml(const std::string& more = "") const { return "gallery: " + scratch_.path().string() + "\n" + more; }

  media::testing::ScratchFolder scratch_;
  std::vector<std::shared_ptr<const Picture>> frames_;
};

TEST_F(ReidOnVideo, TheSamePersonLaterIsMoreAlikeThanOthers) {
  const auto embedder = infer::Embedder::load(infer::testing::card("osnet-x0-25", "osnet_x0_25_msmt17.onnx"), {},
                                              infer::testing::store());
  std::map<int, std::vector<std::pair<int, std::vector<float>>>> by_person;
  for (int number = 0; number < 500; number += 20)
    for (const Seen& person : people_in_clear(number)) {
      const auto crop = media::crop(frame(number), person.box);
      const Picture* const pixels = crop.get();
      by_person[person.id].emplace_back(number, embedder->embed({&pixels, 1}).front());
    }
  double same = 0, other = 0;
  size_t same_count = 0, other_count = 0, best_is_same = 0, asked = 0;
  for (const auto& [id, views] : by_person)
    for (const auto& [number, view] : views) {
      double best_same = -1, best_other = -1;
      for (const auto& [id2, views2] : by_person)
        for (const auto& [number2, view2] : views2) {
          if (std::abs(number - number2) < 40) continue;  // not the next picture of the same step
          const double cosine = std::inner_product(view.begin(), view.end(), view2.begin(), 0.0);
          (id == id2 ? same : other) += cosine;
          ++(id == id2 ? same_count : other_count);
          auto& best = id == id2 ? best_same : best_other;
          best = std::max(best, cosine);
        }
      if (best_same < 0) continue;
      ++asked;
      best_is_same += best_same > best_other;
    }
  EXPECT_GE(same / static_cast<double>(same_count), other / static_cast<double>(other_count) + 0.2)
      << "0.75 and 0.48 when this was written";
  EXPECT_GE(static_cast<double>(best_is_same) / static_cast<double>(asked), 0.68) << "77 of 106";
}

TEST_F(ReidOnVideo, WhoIsInTheGalleryIsRecognizedLater) {
  std::set<int> known;
  for (int number = 0; number <= 120; number += 20)
    for (const Seen& person : people_in_clear(number)) {
      add_template(person, number);
      known.insert(person.id);
    }
  auto reid = start_module("reid", yaml());
  CollectingEmit emit;
  size_t right = 0, wrong = 0, there = 0;
  for (int number = 160; number < 500; number += 20) {
    const auto people = people_in_clear(number);
    emit.observations.clear();
    reid->process(observe(number, false), emit);
    const auto objects = emit.observations.at(0).objects();
    ASSERT_EQ(objects.size(), people.size());
    for (size_t i = 0; i < people.size(); ++i) {
      ASSERT_TRUE(objects[i].embedding);
      EXPECT_EQ(objects[i].embedding->size(), 512U);
      if (!known.contains(people[i].id)) continue;
      ++there;
      if (objects[i].attributes.empty()) continue;
      EXPECT_EQ(objects[i].attributes[0].first, "identity");
      EXPECT_EQ(objects[i].attributes[1].first, "similarity");
      ++(objects[i].attributes[0].second == std::to_string(people[i].id) ? right : wrong);
    }
  }
  reid->stop();
  EXPECT_GE(right, there * 7 / 10) << "35 of 44 when this was written";
  EXPECT_LE(wrong, there / 10) << "2 of 44";
}

TEST_F(ReidOnVideo, AStreamsTracksAreLookedAtNowAndThen) {
  for (const Seen& person : people_in_clear(0)) add_template(person, 0);
  auto reid = start_module("reid", yaml("every: 100\nresize: 0\n"));
  CollectingEmit emit;
  const std::vector<Observation> both{observe(0, true), observe(20, true)};
  EXPECT_GE(reid->batch().largest, 2U);
  reid->process_batch(both, emit);
  ASSERT_EQ(emit.observations.size(), 2U);
  size_t again = 0;
  for (const Object& first : emit.observations[0].objects()) {
    ASSERT_FALSE(first.attributes.empty());
    EXPECT_EQ(first.attributes[0].second, std::to_string(*first.track_id)) << "its own template";
    for (const Object& second : emit.observations[1].objects())
      if (second.track_id == first.track_id) {
        EXPECT_EQ(second.embedding, first.embedding) << "shared";
        ++again;
      }
  }
  EXPECT_GT(again, 0U);
  reid->stop();
}

TEST_F(ReidOnVideo, StartRefusesWhatItCannotUse) {
  const auto refusal = [&] {
    try {
      start_module("reid", yaml());
    } catch (const Error& e) {
      return e.line();
    }
    return std::string();
  };
  EXPECT_THAT(refusal(), HasSubstr("has no pictures"));
  media::testing::write_text(scratch_ / "anna.png", "rubbish");
  EXPECT_EQ(refusal(), "the gallery's picture '" + (scratch_ / "anna.png") +
                           "' does not decode: neither JPEG nor PNG (replace or remove it)");
}

TEST_F(ReidOnVideo, StreamsShareTheGalleryUntilItsFilesChange) {
  const Seen person = people_in_clear(0).front();
  add_template(person, 0);
  const auto file = scratch_.path() / std::to_string(person.id) / "0.jpg";
  const auto time = std::filesystem::last_write_time(file);
  auto first = start_module("reid", yaml());
  // As long and as old as before: who reads it again would be found out.
  media::testing::write_text(file.string(), std::string(std::filesystem::file_size(file), 'x'));
  std::filesystem::last_write_time(file, time);
  auto second = start_module("reid", yaml());
  second->stop();
  std::filesystem::last_write_time(file, time + std::chrono::seconds(1));
  EXPECT_THROW(start_module("reid", yaml()), Error);
  first->stop();
}

}  // namespace
}  // namespace vedette::modules
