#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/graph/registry.h"

/// What the tests of modules have in common: modules made from YAML as an application makes them, observations, and an
/// Emit that keeps what it is given.
namespace vedette::modules::testing {

/// Keeps everything that a module hands on or drops.
class CollectingEmit final : public graph::Emit {
 public:
  void operator()(Observation observation) override { observations.push_back(std::move(observation)); }
  void drop(std::string_view reason) override { ++drops[std::string(reason)]; }

  std::vector<Observation> observations;
  std::map<std::string, int> drops;
};

/// The faults of a module's settings, one a line; empty when there are none. `yaml` holds the settings alone; they
/// stand from line 1 of "test.yaml" on.
inline std::string settings_faults(const std::string& type, const std::string& yaml) {
  const graph::ModuleType* found = graph::find_module_type(type);
  if (!found) return "no module type '" + type + "'";
  Faults faults;
  found->configure(parse_config(yaml, "test.yaml"), faults, {});
  std::string all;
  for (const auto& line : faults.lines()) all += line + "\n";
  return all;
}

/// A module made through the registry, not started. Throws Error(kInvalidConfig) for faults in `yaml`.
inline std::unique_ptr<graph::Module> make_module(const std::string& type, const std::string& yaml) {
  const graph::ModuleType* found = graph::find_module_type(type);
  if (!found) throw Error(ErrorCode::kNotFound, "no module type '" + type + "'");
  Faults faults;
  const auto factory = found->configure(parse_config(yaml, "test.yaml"), faults, {}).factory;
  faults.throw_if_any();
  return factory();
}

inline std::shared_ptr<const StreamInfo> test_stream(const std::string& name = "yard", uint32_t index = 0) {
  return std::make_shared<const StreamInfo>(StreamInfo{.name = name, .index = index});
}

inline graph::ModuleContext test_context(std::shared_ptr<const StreamInfo> stream = test_stream()) {
  graph::ModuleContext context;
  context.application = "test";
  context.module = "module-under-test";
  context.stream = std::move(stream);
  return context;
}

/// A started module.
inline std::unique_ptr<graph::Module> start_module(const std::string& type, const std::string& yaml,
                                                   const graph::ModuleContext& context = test_context()) {
  auto module = make_module(type, yaml);
  module->start(context);
  return module;
}

/// Classes "person", "car", "dog"; any other name becomes a list of its own.
inline Object test_object(Box box, const std::string& label = "person", float score = 0.9f,
                          std::optional<int64_t> track_id = {}) {
  static const auto common = std::make_shared<const Labels>(Labels{"person", "car", "dog"});
  Object object;
  object.box = box;
  object.score = score;
  object.track_id = track_id;
  const auto known = std::find(common->begin(), common->end(), label);
  object.labels = known != common->end() ? common : std::make_shared<const Labels>(Labels{label});
  object.class_id = known != common->end() ? static_cast<int>(known - common->begin()) : 0;
  return object;
}

/// A picture of one brightness (kI420: Y, with U and V at 128).
inline std::shared_ptr<Picture> plain_picture(int width, int height, uint8_t value,
                                              PixelFormat format = PixelFormat::kI420) {
  auto picture = Picture::make(format, width, height);
  for (int i = 0; i < picture->planes(); ++i) {
    const Plane& plane = picture->plane(i);
    std::memset(plane.data, i == 0 ? value : 128,
                static_cast<size_t>(plane.stride_bytes) * static_cast<size_t>(plane.height));
  }
  return picture;
}

struct FrameSpec {
  double seconds = 0;          ///< capture time since the epoch, and position
  uint64_t sequence = 0;
  int width = 640;
  int height = 480;
  std::shared_ptr<const Picture> picture = nullptr;  ///< sets width and height when given, unless `made_smaller`
  std::shared_ptr<const StreamInfo> stream = test_stream();
  bool made_smaller = false;  ///< by a knob: the picture has fewer pixels than the frame
};

inline Observation test_observation(const FrameSpec& spec, std::vector<Object> objects = {}) {
  Frame frame;
  frame.stream = spec.stream;
  frame.sequence = spec.sequence;
  frame.capture_time = Timestamp{} + from_seconds(spec.seconds);
  frame.position = from_seconds(spec.seconds);
  const bool takes_pictures_size = spec.picture && !spec.made_smaller;
  frame.width = takes_pictures_size ? spec.picture->width() : spec.width;
  frame.height = takes_pictures_size ? spec.picture->height() : spec.height;
  frame.picture = spec.picture;
  const Observation observation(std::make_shared<const Frame>(std::move(frame)));
  return objects.empty() ? observation : observation.with_objects(std::move(objects));
}

}  // namespace vedette::modules::testing
