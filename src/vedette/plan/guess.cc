#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "vedette/plan/profile.h"

namespace vedette::plan {
namespace {

using nlohmann::json;

struct Guess {
  const char* type;
  double milliseconds;
  double bytes_out;
  double memory_megabytes;
};

// Rounded from what `vedette bench` and the node's own metrics gave on one core of a 2020 desktop; only their ratios
// matter before the first report. Detection is for a 320-pixel model.
constexpr std::array kGuesses = {
    Guess{kSource, 5, 200, 40},     Guess{"decode", 1, 200, 20},     Guess{"detect", 30, 1500, 150},
    Guess{"reid", 10, 4000, 120},   Guess{"classify", 8, 1800, 100}, Guess{"embed", 10, 4000, 120},
    Guess{"track", 0.5, 1800, 5},   Guess{"crop", 1, 1500, 10},      Guess{"motion", 1, 300, 10},
    Guess{"overlay", 2, 1800, 10},  Guess{"roi", 0.1, 1800, 1},      Guess{"zone_monitor", 0.1, 1800, 1},
    Guess{"filter", 0.02, 1500, 1}, Guess{"mask", 0.3, 200, 5},      Guess{"rate", 0.005, 200, 1},
    Guess{"console", 0.5, 0, 20},   Guess{"video", 8, 0, 40},
};

json parsed(const std::string& settings) {
  json out = json::parse(settings, nullptr, false);
  return out.is_object() ? out : json::object();
}

/// "nanodet-g-320" → 320; 0 when the name holds no number that looks like a side of a picture.
double side_px(const std::string& model) {
  double best = 0;
  for (size_t i = 0; i < model.size();) {
    size_t end = i;
    double number = 0;
    for (; end < model.size() && model[end] >= '0' && model[end] <= '9' && end - i < 6; ++end)
      number = number * 10 + (model[end] - '0');
    if (number >= 96 && number <= 2048) best = number;
    i = std::max(end, i + 1);
  }
  return best;
}

}  // namespace

std::string model_of(const std::string& settings) {
  const json root = parsed(settings);
  for (const json* level : {&root, root.contains("settings") ? &root["settings"] : &root}) {
    if (!level->is_object()) continue;
    const auto found = level->find("model");
    if (found != level->end() && found->is_string()) return found->get<std::string>();
  }
  return {};
}

double rate_limit(const std::string& type, const std::string& settings) {
  if (type != "rate") return 0;
  const json root = parsed(settings);
  for (const json* level : {&root, root.contains("settings") ? &root["settings"] : &root}) {
    if (!level->is_object()) continue;
    const auto found = level->find("fps");
    if (found != level->end() && found->is_number()) return std::clamp(found->get<double>(), 0.0, 1000.0);
  }
  return 0;
}

StageCost guess(const std::string& type, const std::string& settings) {
  const auto found =
      std::find_if(kGuesses.begin(), kGuesses.end(), [&](const Guess& each) { return type == each.type; });
  StageCost out;
  if (found == kGuesses.end()) {  // mostly a sink, or something small
    out.seconds = 0.1e-3;
    out.bytes_out = 1500;
    out.memory_bytes = 5e6;
    return out;
  }
  out.seconds = found->milliseconds * 1e-3;
  out.bytes_out = found->bytes_out;
  out.memory_bytes = found->memory_megabytes * 1e6;
  if (type == "detect")  // work grows with the picture's area
    if (const double side = side_px(model_of(settings)); side > 0) out.seconds *= (side / 320) * (side / 320);
  return out;
}

}  // namespace vedette::plan
