#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/observation.h"
#include "vedette/identity/gallery.h"
#include "vedette/identity/track_memory.h"
#include "vedette/infer/embedder.h"

namespace vedette::modules {

struct RecognizerOptions {
  std::vector<std::string> classes{"person"};  ///< empty: all
  float threshold = 0.75F;                     ///< least cosine at which an object is the nearest identity
  int min_height_px = 48;                      ///< lower objects are not looked at; in pixels that are there
  size_t max_objects = 32;                     ///< looked at in one frame, the largest first
  identity::RefreshOptions refresh{};
};

/// Says who the objects of one stream are, by comparing what they look like with a gallery (paper 001 §4.2.2).
///
/// An object of the classes is embedded when it has no track id, or its track was never looked at, or is due again (see
/// TrackMemory); all those of a call are embedded together. Pixels are those of Object::crop, where a crop module cut
/// them out, else of the box, as media::crop() cuts it. An object that already carries an embedding as long as the
/// gallery's keeps it, and it is compared in every frame.
///
/// An object that was looked at, or whose track was, carries the embedding; when the nearest identity reaches the
/// threshold, also the attributes `identity` (its name) and `similarity` (the cosine, two decimals). Objects that are
/// too small or too many have them from their track, if it is known already.
///
/// One instance a stream, called from one thread at a time. The embedder and the gallery may be shared; changes of the
/// gallery count for what is looked at afterwards.
class Recognizer {
 public:
  struct Counts {
    uint64_t embedded = 0;   ///< objects
    uint64_t reused = 0;     ///< objects that have it from their track
    uint64_t too_small = 0;  ///< objects that should have been looked at, but were below min_height_px or out of frame
    uint64_t too_many = 0;  ///< likewise, beyond max_objects
    uint64_t recognized = 0;  ///< objects that were given an identity
  };

  Recognizer(RecognizerOptions options, std::shared_ptr<infer::Embedder> embedder,
             std::shared_ptr<const identity::Gallery> gallery);

  /// One observation for each, in order. Throws what the embedder throws, and Error(kInvalidData) when the model makes
  /// something that is no number; it can be called again afterwards.
  std::vector<Observation> recognize(std::span<const Observation> observations, BufferPool* pool);

  /// The stream is over: tracks that come are others.
  void forget() { memory_.clear(); }
  const Counts& counts() const { return counts_; }

 private:
  /// An object that is to be embedded.
  struct Job {
    size_t observation, object;
    std::shared_ptr<const Picture> pixels;
  };
  using Planned = std::map<int64_t, identity::Look>;  ///< tracks that earlier observations of the call look at

  void choose(const Observation& observation, size_t index, Planned& planned, BufferPool* pool, std::vector<Job>& jobs,
              Counts& counts) const;
  bool wanted(const Object& object, uint64_t sequence, const Planned& planned) const;
  bool carries_embedding(const Object& object) const;
  identity::TrackMemory::Known learn(const Object& object, uint64_t sequence,
                                     std::shared_ptr<const std::vector<float>> embedding);
  void mark(Object& object, const identity::TrackMemory::Known& known);

  const RecognizerOptions options_;
  const std::shared_ptr<infer::Embedder> embedder_;
  const std::shared_ptr<const identity::Gallery> gallery_;
  identity::TrackMemory memory_;
  Counts counts_;
};

}  // namespace vedette::modules
