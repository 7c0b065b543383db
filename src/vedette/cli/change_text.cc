#include "vedette/cli/change_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/fleet/diff.h"

namespace vedette::cli {
namespace {

using nlohmann::json;

std::optional<std::string> optional_text(const json& value) {
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

Colour colour_of(const std::string& what) {
  return what == "add" ? Colour::kGreen : what == "remove" ? Colour::kRed : Colour::kYellow;
}

std::string changes_text(const json& answer, const Paint& paint) {
  const auto name = answer.at("application").get<std::string>();
  const auto& changes = answer.at("changes");
  if (changes.empty()) return name + ": nothing changes\n";
  const bool is_new = changes.at(0).at("kind") == "application" && changes.at(0).at("what") == "add";
  std::string out = fmt::format("{}: {}\n", paint(Colour::kBold, name), is_new ? "is new" : "changes");
  for (const auto& c : changes) {
    const fleet::Change change{c.at("what"), c.at("kind"), c.at("name"), optional_text(c.at("from")),
                               optional_text(c.at("to"))};
    out += "  " + paint(colour_of(change.what), printable(fleet::to_text(change))) + '\n';
  }
  for (const auto& effect : answer.at("effect"))
    out += "  " + paint(Colour::kDim, printable(effect.get<std::string>())) + '\n';
  if (const auto& p = answer.at("prediction"); p.is_object()) {
    const double p95 = p.at("latency_p95_ms"), fps = p.at("fps");
    out += "  " + paint(Colour::kDim, fmt::format("expected: p95 {:.0f} ms, {:.1f} frames a second", p95, fps)) + '\n';
  }
  return out;
}

}  // namespace

std::string change_text(const json& answer, const Paint& paint) {
  try {
    return changes_text(answer, paint);
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kInvalidData, std::string("the controller's answer is not what was expected: ") + e.what(),
                "is it of another version? see vedette get nodes -o wide");
  }
}

bool changes_anything(const json& answer) { return answer.contains("changes") && !answer["changes"].empty(); }

std::string refusal_text(const json& answer) {
  const auto refused = answer.find("refused");
  return refused == answer.end() || !refused->is_object() ? "" : refused->value("message", "it is refused");
}

}  // namespace vedette::cli
