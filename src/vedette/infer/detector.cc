#include "vedette/infer/detector.h"

#include <algorithm>

#include "vedette/infer/nms.h"
#include "vedette/infer/picture_model.h"

namespace vedette::infer {
namespace {

class CardDetector final : public Detector {
 public:
  CardDetector(const ModelCard& card, const SessionOptions& options, const ModelStore& store)
      : head_(head_as<DetectionHead>(card, "one that finds objects")),
        model_(card, options, store),
        decoder_(head_.bind(model_.context())),
        scratch_(model_.instances()) {}

  Params default_params() const override {
    Params params;
    params.score = head_.score;
    params.nms_iou = head_.nms_iou;
    return params;
  }

  std::vector<std::vector<Object>> detect(std::span<const Picture* const> pictures, const Params& params) override {
    std::vector<std::vector<Object>> found(pictures.size());
    if (pictures.empty()) return found;
    std::vector<int> classes = params.class_ids;
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    model_.run(pictures, [&](const PictureModel::Result& result) {
      auto& candidates = scratch_[result.slot];
      candidates.clear();
      decoder_->decode(result.outputs, {params.score, classes}, candidates);
      suppress(candidates, {params.nms_iou, head_.class_agnostic, params.max_objects});
      const Picture& picture = *pictures[result.picture];
      auto& objects = found[result.picture];
      objects.reserve(candidates.size());
      for (const auto& c : candidates) {
        const Box box =
            result.placement.to_picture(c.left, c.top, c.right, c.bottom, picture.width(), picture.height());
        if (box.empty()) continue;
        Object& object = objects.emplace_back();
        object.box = box;
        object.class_id = c.class_id;
        object.score = c.score;
        object.labels = labels();
      }
    });
    return found;
  }

  const std::shared_ptr<const Labels>& labels() const override { return model_.card().labels; }
  size_t largest_batch() const override { return model_.largest_batch(); }

 private:
  const DetectionHead& head_;  // model_'s copy of the card keeps it alive
  PictureModel model_;
  std::unique_ptr<const BoxDecoder> decoder_;
  std::vector<std::vector<Candidate>> scratch_;  ///< by slot
};

}  // namespace

std::shared_ptr<Detector> Detector::load(const ModelCard& card, const SessionOptions& options,
                                         const ModelStore& store) {
  return std::make_shared<CardDetector>(card, options, store);
}

}  // namespace vedette::infer
