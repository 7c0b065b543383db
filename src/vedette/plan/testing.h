#pragma once

#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "vedette/plan/node_plan.h"

namespace vedette::plan::testing {

inline ModuleWish module(std::string name, std::string type, std::vector<std::string> inputs,
                         std::string settings = "{}") {
  ModuleWish out;
  out.name = std::move(name);
  out.type = std::move(type);
  out.settings = std::move(settings);
  out.inputs = std::move(inputs);
  out.reads_pixels = out.type == "decode" || out.type == "detect" || out.type == "reid";
  out.reads_crops = out.type == "reid";
  out.scope = out.type == "track" || out.type == "rate" ? Scope::kPerStream : Scope::kStateless;
  return out;
}

inline ModuleWish sink(std::string name, std::vector<std::string> inputs, std::string settings = "{}") {
  ModuleWish out = module(std::move(name), "jsonl", std::move(inputs), std::move(settings));
  out.sink = true;
  out.scope = Scope::kGlobal;
  return out;
}

inline SourceWish camera(const std::string& name, double fps = 15) {
  return {.name = name, .settings = fmt::format("{{\"url\":\"rtsp://{}\"}}", name), .pin = {}, .fps = fps};
}

/// detect → track → jsonl.
inline ApplicationWish tracking(std::string name, const std::vector<std::string>& cameras) {
  ApplicationWish out;
  out.name = std::move(name);
  out.tenant = "front-desk";
  for (const auto& each : cameras) out.sources.push_back(camera(each));
  out.modules = {module("detect", "detect", {kSource}, R"({"model":"nanodet-g-320"})"),
                 module("track", "track", {"detect"}), sink("out", {"track"})};
  return out;
}

/// Random numbers that are the same everywhere.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  size_t below(size_t n) { return engine_() % n; }
  bool chance(double p) { return unit() < p; }
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  double between(double low, double high) { return low + (high - low) * unit(); }

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

/// An application of up to `most` modules over a few cameras and few settings, so that sharing is common.
inline ApplicationWish random_application(Dice& dice, const std::string& name, size_t most = 6) {
  static const std::vector<std::string> types = {"decode", "detect", "track", "roi", "reid", "count"};
  ApplicationWish out;
  out.name = name;
  out.tenant = dice.chance(0.5) ? "north" : "south";
  out.share = dice.chance(0.8);
  out.priority = static_cast<int>(dice.below(3)) * 30;
  for (const char* each : {"yard", "gate", "hall", "dock"})
    if (dice.chance(0.5)) out.sources.push_back(camera(each));
  if (out.sources.empty()) out.sources.push_back(camera("yard"));
  const size_t count = 1 + dice.below(most);
  for (size_t i = 0; i < count; ++i) {
    std::vector<std::string> inputs;
    for (const auto& earlier : out.modules)
      if (!earlier.sink && dice.chance(0.35)) inputs.push_back(earlier.name);
    if (inputs.empty() || dice.chance(0.1)) inputs.emplace_back(kSource);
    dice.shuffle(inputs);
    const auto& type = types[dice.below(types.size())];
    const std::string module_name = fmt::format("{}-{}", type, i);
    if (i > 0 && dice.chance(0.25)) {
      out.modules.push_back(sink(module_name, inputs));
      continue;
    }
    out.modules.push_back(module(module_name, type, inputs, dice.chance(0.8) ? "{}" : R"({"score":0.5})"));
    if (type == "count") out.modules.back().scope = Scope::kGlobal;
  }
  return out;
}

/// Every piece of what is shared.
inline std::vector<Piece> pieces_of(const Shared& shared) {
  std::vector<Piece> out;
  for (const auto& stream : shared.streams) out.push_back({kSource, stream.key});
  for (const auto& stage : shared.stages) {
    if (stage.scope == Scope::kGlobal)
      out.push_back({stage.key, ""});
    else
      for (const auto& stream : stage.streams) out.push_back({stage.key, stream});
  }
  return out;
}

}  // namespace vedette::plan::testing
