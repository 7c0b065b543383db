#include "vedette/modules/recognizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/frame/scale.h"
#include "vedette/media/convert.h"
#include "vedette/modules/region.h"

namespace vedette::modules {
namespace {

void set_attribute(Object& object, const char* name, std::string value) {
  for (auto& [key, held] : object.attributes) {
    if (key != name) continue;
    held = std::move(value);
    return;
  }
  object.attributes.emplace_back(name, std::move(value));
}

}  // namespace

Recognizer::Recognizer(RecognizerOptions options, std::shared_ptr<infer::Embedder> embedder,
                       std::shared_ptr<const identity::Gallery> gallery)
    : options_(std::move(options)),
      embedder_(std::move(embedder)),
      gallery_(std::move(gallery)),
      memory_(options_.refresh) {
  VEDETTE_ASSERT(embedder_->size() == gallery_->dimension());
}

std::vector<Observation> Recognizer::recognize(std::span<const Observation> observations, BufferPool* pool) {
  std::vector<Job> jobs;
  Counts counts = counts_;
  Planned planned;
  for (size_t i = 0; i < observations.size(); ++i) choose(observations[i], i, planned, pool, jobs, counts);
  std::vector<const Picture*> pixels;
  pixels.reserve(jobs.size());
  for (const Job& job : jobs) pixels.push_back(job.pixels.get());
  auto embeddings = jobs.empty() ? std::vector<std::vector<float>>{} : embedder_->embed(pixels);
  counts.embedded += jobs.size();
  counts_ = counts;

  std::vector<Observation> results;
  results.reserve(observations.size());
  size_t at = 0;  // jobs lie in the order of observations and objects
  for (size_t i = 0; i < observations.size(); ++i) {
    const uint64_t sequence = observations[i].frame().sequence;
    std::vector<Object> objects(observations[i].objects().begin(), observations[i].objects().end());
    bool any = false;
    for (size_t k = 0; k < objects.size(); ++k) {
      Object& object = objects[k];
      if (at < jobs.size() && jobs[at].observation == i && jobs[at].object == k) {
        auto embedding = std::make_shared<const std::vector<float>>(std::move(embeddings[at++]));
        mark(object, learn(object, sequence, std::move(embedding)));
        any = true;
      } else if (is_of(object, options_.classes)) {
        if (carries_embedding(object)) {
          mark(object, learn(object, sequence, object.embedding));
          any = true;
        } else if (const auto* known = object.track_id ? memory_.see(*object.track_id, sequence) : nullptr) {
          mark(object, *known);
          ++counts_.reused;
          any = true;
        }
      }
    }
    memory_.tidy(sequence);
    if (any)
      results.push_back(observations[i].with_objects(std::move(objects)));
    else
      results.push_back(observations[i]);
  }
  return results;
}

/// Appends the objects of one observation that are to be embedded, in their order.
void Recognizer::choose(const Observation& observation, size_t index, Planned& planned, BufferPool* pool,
                        std::vector<Job>& jobs, Counts& counts) const {
  const Frame& frame = observation.frame();
  const auto objects = observation.objects();
  const Box whole{0, 0, static_cast<float>(frame.width), static_cast<float>(frame.height)};
  const Scale scale = frame.picture ? to_pixels(frame, *frame.picture) : Scale{};
  std::vector<std::pair<float, size_t>> chosen;  // visible area, object
  for (size_t i = 0; i < objects.size(); ++i) {
    if (!wanted(objects[i], frame.sequence, planned)) continue;
    const Box seen = scale(intersection(objects[i].box, whole));
    if (seen.empty() || seen.height < static_cast<float>(options_.min_height_px))
      ++counts.too_small;
    else
      chosen.emplace_back(seen.area(), i);
  }
  if (chosen.size() > options_.max_objects) {
    std::stable_sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    counts.too_many += chosen.size() - options_.max_objects;
    chosen.resize(options_.max_objects);
    std::sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  }
  std::shared_ptr<const Picture> pixels;
  for (const auto& [area, i] : chosen) {
    std::shared_ptr<const Picture> crop = objects[i].crop;
    if (!crop) {
      if (!pixels) pixels = media::pixels_of(frame);
      crop = media::crop(*pixels, to_pixels(frame, *pixels)(objects[i].box), pool);
    }
    if (!crop) continue;  // less than a pixel of it is to be seen
    if (objects[i].track_id) planned[*objects[i].track_id] = {frame.sequence, objects[i].box};
    jobs.push_back({index, i, std::move(crop)});
  }
}

bool Recognizer::wanted(const Object& object, uint64_t sequence, const Planned& planned) const {
  if (!is_of(object, options_.classes) || carries_embedding(object)) return false;
  if (!object.track_id) return true;
  if (const auto look = planned.find(*object.track_id); look != planned.end())
    return memory_.due(look->second, object.box, sequence);
  const auto* known = memory_.find(*object.track_id);
  return !known || memory_.due(known->look, object.box, sequence);
}

bool Recognizer::carries_embedding(const Object& object) const {
  return object.embedding && object.embedding->size() == gallery_->dimension();
}

identity::TrackMemory::Known Recognizer::learn(const Object& object, uint64_t sequence,
                                               std::shared_ptr<const std::vector<float>> embedding) {
  identity::TrackMemory::Known known{
      .look = {sequence, object.box}, .embedding = std::move(embedding), .match = {}, .seen = sequence};
  auto match = gallery_->nearest(*known.embedding);
  if (match && match->similarity >= options_.threshold) known.match = std::move(match);
  if (object.track_id) memory_.learn(*object.track_id, known);
  return known;
}

/// Writes on an object what is known of it.
void Recognizer::mark(Object& object, const identity::TrackMemory::Known& known) {
  object.embedding = known.embedding;
  if (known.match) {
    set_attribute(object, "identity", known.match->name);
    set_attribute(object, "similarity", fmt::format("{:.2f}", known.match->similarity));
    ++counts_.recognized;
  }
}

}  // namespace vedette::modules
