#include <thread>

#include "vedette/base/error.h"
#include "vedette/frame/scale.h"
#include "vedette/graph/registry.h"
#include "vedette/infer/detector.h"
#include "vedette/infer/model_store.h"

namespace vedette::modules {
namespace {

struct DetectSettings {
  std::string model = "nanodet-g-320";
  double score = -1;
  double nms_iou = -1;
  std::vector<std::string> classes;
  int max_objects = 300;
  infer::SessionOptions session = one_instance_a_core();

  void fields(Fields& f) {
    f.text("model", model, "name of a model card, or the path of one");
    f.number("score", score, "least score of an object; -1: the card's", {-1, 1});
    f.number("nms_iou", nms_iou, "boxes of a class that overlap more are one; -1: the card's", {-1, 1});
    f.texts("classes", classes, "names of the classes to look for; none: all");
    f.whole("max_objects", max_objects, "of a frame; the best scores stay", {1, 10000});
    session.fields(f);
    f.check([this] { return fault(); });
  }

 private:
  static infer::SessionOptions one_instance_a_core() {
    infer::SessionOptions options;
    options.instances = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    return options;
  }

  std::string fault() const {
    try {
      const auto card = infer::ModelStore::standard().card(model);
      for (const auto& name : classes) card.class_id(name);
      return {};
    } catch (const Error& e) {
      return e.line();
    }
  }
};

/// Finds objects with any model that has a card with a detection head.
class DetectModule final : public graph::Module {
 public:
  using Settings = DetectSettings;
  explicit DetectModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext&) override {
    const auto store = infer::ModelStore::standard();
    const auto card = store.card(settings_.model);
    detector_ = infer::Detector::load(card, settings_.session, store);
    params_ = detector_->default_params();
    if (settings_.score >= 0) params_.score = static_cast<float>(settings_.score);
    if (settings_.nms_iou >= 0) params_.nms_iou = static_cast<float>(settings_.nms_iou);
    params_.max_objects = static_cast<size_t>(settings_.max_objects);
    for (const auto& name : settings_.classes) params_.class_ids.push_back(card.class_id(name));
  }

  void process(const Observation& observation, graph::Emit& emit) override { process_batch({&observation, 1}, emit); }

  void process_batch(std::span<const Observation> observations, graph::Emit& emit) override {
    std::vector<const Picture*> pictures;
    pictures.reserve(observations.size());
    for (const auto& observation : observations) pictures.push_back(observation.frame().picture.get());
    auto found = detector_->detect(pictures, params_);
    for (size_t i = 0; i < observations.size(); ++i) {
      const Scale back = to_frame(observations[i].frame(), *pictures[i]);
      for (Object& object : found[i]) object.box = back(object.box);
      emit(observations[i].with_objects(std::move(found[i])));
    }
  }

  graph::BatchLimits batch() const override {
    return {detector_->largest_batch(), from_milliseconds(settings_.session.batch_wait_ms)};
  }

 private:
  const Settings settings_;
  std::shared_ptr<infer::Detector> detector_;
  infer::Detector::Params params_;
};

VEDETTE_MODULE(DetectModule, {.type = "detect",
                              .summary = "Finds objects with a detection model",
                              .concurrency = graph::Concurrency::kStateless,
                              .reads = graph::Facet::kPixels,
                              .adds = graph::Facet::kObjects});

}  // namespace
}  // namespace vedette::modules
