#include <fmt/format.h>

#include "vedette/infer/head.h"
#include "vedette/infer/objectness.h"

namespace vedette::infer {
namespace {

/// YOLOv5 (and v7 in its export form): one output [anchors, 5 + classes], with centre x, centre y, width and height in
/// input pixels, objectness and class scores, all already sigmoid. Score = objectness · class score.
class YoloV5Head final : public DetectionHead {
 public:
  std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const override;
};

class YoloV5Decoder final : public BoxDecoder {
 public:
  YoloV5Decoder(size_t anchors, size_t classes) : anchors_(anchors), classes_(classes) {}

  void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const override {
    visit_objectness(outputs[0], anchors_, classes_, request, [&](size_t, const float* row, BestClass best) {
      candidates.push_back({row[0] - row[2] / 2, row[1] - row[3] / 2, row[0] + row[2] / 2, row[1] + row[3] / 2,
                            best.score, best.class_id});
    });
  }

 private:
  size_t anchors_, classes_;
};

std::unique_ptr<const BoxDecoder> YoloV5Head::bind(const HeadContext& context) const {
  const auto [anchors, classes] = objectness_shape(context);
  return std::make_unique<YoloV5Decoder>(anchors, classes);
}

VEDETTE_HEAD(YoloV5Head, "yolov5");

}  // namespace
}  // namespace vedette::infer
