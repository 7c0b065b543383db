#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/graph/registry.h"
#include "vedette/infer/head.h"
#include "vedette/infer/model_store.h"
#include "vedette/modules/recognizer.h"
#include "vedette/modules/template_images.h"

namespace vedette::modules {
namespace {

constexpr size_t kMostObservations = 4;  // whose objects are embedded together

struct ReidSettings {
  std::string model = "osnet-x0-25";
  std::vector<std::string> gallery;
  std::vector<std::string> classes{"person"};
  double threshold = 0.75;
  int every = 10;
  double resize = 0.3;
  int min_height_px = 48;
  int max_objects = 32;
  infer::SessionOptions session = small_batches();

  void fields(Fields& f) {
    f.required().texts("gallery", gallery,
                       "folder of template images (.jpg, .png), each named after who it shows or in a sub-folder of "
                       "that name; or a list of folders and files");
    f.text("model", model, "name of a model card with an embedding head, or the path of one");
    f.texts("classes", classes, "classes that are looked at; []: all");
    f.number("threshold", threshold, "least cosine at which an object is who it resembles most", {-1, 1});
    f.whole("every", every, "a tracked object is looked at again after so many frames", {1, 100000});
    f.number("resize", resize,
             "or when its width or height has changed by more than this fraction since; 0: never for that", {0, 100});
    f.whole("min_height_px", min_height_px, "lower objects are not looked at", {1, Picture::kLargestSide});
    f.whole("max_objects", max_objects, "looked at in one frame, the largest first", {1, 1000});
    session.fields(f);
    f.check([this] { return fault(); });
  }

  RecognizerOptions recognizer() const {
    RecognizerOptions options;
    options.classes = classes;
    options.threshold = static_cast<float>(threshold);
    options.min_height_px = min_height_px;
    options.max_objects = static_cast<size_t>(max_objects);
    options.refresh.every_frames = static_cast<uint64_t>(every);
    options.refresh.resize = resize;
    return options;
  }

 private:
  static infer::SessionOptions small_batches() {
    infer::SessionOptions options;
    options.instances = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    options.max_batch = 8;
    return options;
  }

  std::string fault() const {
    if (gallery.empty()) return "'gallery' names no folder";
    try {
      const auto card = infer::ModelStore::standard().card(model);
      const auto* head = dynamic_cast<const infer::VectorHead*>(card.head.get());
      if (!head || head->meaning() != infer::VectorHead::Meaning::kEmbedding)
        return "model '" + model + "' has the head '" + card.head_type + "', which makes no embeddings; choose another";
      return {};
    } catch (const Error& e) {
      return e.line();
    }
  }
};

/// What the instances of all streams share: the model, and the template images as it sees them.
struct Known {
  std::shared_ptr<infer::Embedder> embedder;
  std::shared_ptr<const identity::Gallery> gallery;
};

std::shared_ptr<const identity::Gallery> embed_all(std::span<const TemplateImage> images, infer::Embedder& embedder) {
  auto gallery = std::make_shared<identity::Gallery>(
      identity::Gallery::Options{.dimension = embedder.size(), .max_embeddings = kMostTemplateImages});
  constexpr size_t kAtOnce = 16;
  for (size_t begin = 0; begin < images.size(); begin += kAtOnce) {
    const auto part = images.subspan(begin, std::min(kAtOnce, images.size() - begin));
    std::vector<std::shared_ptr<const Picture>> pictures;
    std::vector<const Picture*> pixels;
    for (const auto& image : part) pixels.push_back(pictures.emplace_back(read_template_image(image.file)).get());
    const auto embeddings = embedder.embed(pixels);
    for (size_t i = 0; i < part.size(); ++i) gallery->add(part[i].name, embeddings[i]);
  }
  return gallery;
}

/// Made at the first call, shared as long as anyone holds it and the pictures stay as they are.
std::shared_ptr<const Known> known_by(const ReidSettings& settings) {
  struct Shared {
    std::string model;
    infer::SessionOptions session;
    std::string pictures;
    std::weak_ptr<const Known> known;
  };
  static std::mutex mutex;
  static std::vector<Shared> all;

  const auto images = list_template_images(settings.gallery);
  const std::lock_guard lock(mutex);
  std::erase_if(all, [](const Shared& shared) { return shared.known.expired(); });
  const auto pictures = fingerprint_of(images);
  for (const Shared& shared : all)
    if (shared.model == settings.model && shared.session == settings.session && shared.pictures == pictures)
      if (auto known = shared.known.lock()) return known;

  const auto store = infer::ModelStore::standard();
  auto known = std::make_shared<Known>();
  known->embedder = infer::Embedder::load(store.card(settings.model), settings.session, store);
  known->gallery = embed_all(images, *known->embedder);
  log::info("reid: {} pictures of {} identities, by {}", images.size(), known->gallery->size(), settings.model);
  all.push_back({settings.model, settings.session, pictures, known});
  return known;
}

/// Says who is who: see Recognizer.
class ReidModule final : public graph::Module {
 public:
  using Settings = ReidSettings;
  explicit ReidModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override {
    pool_ = context.pool;
    name_ = context.module + (context.stream ? " of " + context.stream->name : "");
    known_ = known_by(settings_);
    recognizer_.emplace(settings_.recognizer(), known_->embedder, known_->gallery);
  }

  void process(const Observation& observation, graph::Emit& emit) override { process_batch({&observation, 1}, emit); }

  void process_batch(std::span<const Observation> observations, graph::Emit& emit) override {
    for (auto& result : recognizer_->recognize(observations, pool_)) emit(std::move(result));
  }

  graph::BatchLimits batch() const override {
    return {kMostObservations, from_milliseconds(settings_.session.batch_wait_ms)};
  }

  void end_of_stream(const StreamInfo&, graph::Emit&) override { recognizer_->forget(); }

  void stop() override {
    const auto& counts = recognizer_->counts();
    log::info("{}: {} objects embedded, {} known from their track, {} given an identity", name_, counts.embedded,
              counts.reused, counts.recognized);
    if (counts.too_small + counts.too_many > 0)
      log::info("{}: not looked at: {} objects below {} px or out of the frame, {} beyond {} in a frame", name_,
                counts.too_small, settings_.min_height_px, counts.too_many, settings_.max_objects);
  }

 private:
  const Settings settings_;
  BufferPool* pool_ = nullptr;
  std::string name_;
  std::shared_ptr<const Known> known_;
  std::optional<Recognizer> recognizer_;
};

VEDETTE_MODULE(ReidModule, {.type = "reid",
                            .summary = "Says who an object is, by comparing it with template images",
                            .concurrency = graph::Concurrency::kPerStream,
                            .reads = graph::Facet::kPixels | graph::Facet::kObjects,
                            .uses_crops = true});

}  // namespace
}  // namespace vedette::modules
