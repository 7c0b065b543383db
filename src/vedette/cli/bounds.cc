#include "vedette/cli/bounds.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/cli/application_eyes.h"
#include "vedette/cli/signals.h"
#include "vedette/cli/table.h"
#include "vedette/lab/bounds_profile.h"
#include "vedette/lab/pareto.h"
#include "vedette/lab/read_file.h"
#include "vedette/media/convert.h"
#include "vedette/media/source.h"

namespace vedette::cli {
namespace {

using Json = nlohmann::ordered_json;
using media::KnobSetting;

/// What the decoded frames of a clip may take.
constexpr size_t kMostFrameBytes = size_t{2} << 30;
/// Without --ids, --sample or --all: the plain values of the knobs that a live camera can afford, one by one and in
/// pairs; an evening's work becomes minutes.
constexpr size_t kUsualSample = 60;

struct ProfileArguments {
  std::string application;
  std::string source;
  std::string truth;
  std::string out;
  std::vector<std::string> ids;
  size_t sample = 0;
  bool all = false;
  bool live = false;
  int frames = 60;
  int every = 5;
  double score = -1;
};

struct ShowArguments {
  std::string table;
  double least_f1 = 0.9;
  bool everything = false;
};

/// Evenly spread over all ids, the same for the same number: a multiplicative walk meets every knob's values early.
std::vector<int> spread(const std::vector<int>& all, size_t count) {
  constexpr size_t kStride = 7919;  // a prime that does not divide the number of ids
  std::set<int> chosen{0};
  for (size_t i = 1; chosen.size() < std::min(count, all.size()); ++i) chosen.insert(all[i * kStride % all.size()]);
  return {chosen.begin(), chosen.end()};
}

std::vector<int> chosen_ids(const ProfileArguments& a) {
  std::vector<int> all = KnobSetting::all_ids();
  if (a.live) std::erase_if(all, [](int id) { return !KnobSetting::from_id(id).live(); });
  if (a.all) return all;
  if (a.ids.empty()) return spread(all, a.sample > 0 ? a.sample : kUsualSample);
  std::set<int> chosen;
  for (const std::string& text : a.ids) {
    const auto id = KnobSetting::parse(text).id();
    if (!id)
      throw Error(ErrorCode::kUsage, "--ids " + text + ": only numbered knob values have an id", "docs/knobs.md");
    chosen.insert(*id);
  }
  return {chosen.begin(), chosen.end()};
}

std::vector<lab::ProfileFrame> load_frames(const ProfileArguments& a, const std::stop_token& stop) {
  const auto pool = std::make_shared<BufferPool>(BufferPool::Options{.max_idle_bytes = 0});
  auto stream = std::make_shared<StreamInfo>();
  stream->name = "clip";
  const auto source = media::open_source({.url = a.source, .pacing = media::Pacing::kFast}, stream, pool);
  if (source->live())
    throw Error(ErrorCode::kUsage, "--source " + media::without_credentials(a.source) + " is a camera",
                "a recording is needed: every combination sees the same frames");
  std::vector<lab::ProfileFrame> frames;
  size_t bytes = 0;
  while (frames.size() < static_cast<size_t>(a.frames)) {
    const auto frame = source->next(stop);
    if (!frame) break;
    if (frame->sequence % static_cast<uint64_t>(a.every) != 0) continue;
    auto picture = media::pixels_of(*frame);
    bytes += picture->size_bytes();
    if (bytes > kMostFrameBytes)
      throw Error(ErrorCode::kExhausted, fmt::format("{} frames of the clip take more than 2 GiB", a.frames),
                  "take fewer: --frames");
    frames.push_back({static_cast<int64_t>(frame->sequence) + 1, std::move(picture)});
  }
  return frames;
}

/// Of what a table was made. Rows made of other things must not get into it.
Json recipe(const ProfileArguments& a, const lab::BoundsProfile::Baseline& baseline, size_t frames) {
  const auto name = [](const std::string& path) { return std::filesystem::path(path).filename().string(); };
  return {{"application", name(a.application)},
          {"source", name(a.source)},
          {"truth", a.truth.empty() ? "untouched frames" : name(a.truth)},
          {"frames", frames},
          {"every", a.every},
          {"score", std::round(baseline.score * 1e4) / 1e4},
          {"f1_untouched", std::round(baseline.f1 * 1e4) / 1e4}};
}

void check_recipe(const std::string& path, const Json& wanted) {
  if (!std::filesystem::exists(path)) return;
  const Json known = Json::parse(lab::read_file(path, 1U << 16), nullptr, false);
  if (!known.is_object()) throw Error(ErrorCode::kInvalidData, path + " is no JSON object", "remove it and its table");
  for (const auto& [key, value] : wanted.items())
    if (!known.contains(key) || known[key] != value)
      throw Error(ErrorCode::kUsage,
                  fmt::format("the table was made with {} {}, not {}", key,
                              known.contains(key) ? known[key].dump() : "unknown", value.dump()),
                  fmt::format("name another --out, or remove the table and {}", path));
}

/// "[#####.....] 12 of 60, 3 min to go" on a terminal, a line every ten rows elsewhere.
class Progress {
 public:
  explicit Progress(size_t whole) : whole_(whole), terminal_(isatty(STDERR_FILENO) != 0) {}
  ~Progress() {
    if (terminal_ && done_ > 0) fmt::print(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step(const std::string& name) {
    ++done_;
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const double left = spent / static_cast<double>(done_) * static_cast<double>(whole_ - done_);
    const std::string to_go = left < 90 ? fmt::format("{:.0f} s", left) : fmt::format("{:.0f} min", left / 60);
    if (!terminal_) {
      if (done_ % 10 == 0 || done_ == whole_) log::info("{} of {} combinations, {} to go", done_, whole_, to_go);
      return;
    }
    const size_t filled = done_ * kWidth / whole_;
    fmt::print(stderr, "\r\033[K[{}{}] {} of {}, {} to go  {}", std::string(filled, '#'),
               std::string(kWidth - filled, '.'), done_, whole_, to_go, name);
  }

 private:
  static constexpr size_t kWidth = 30;
  size_t whole_, done_ = 0;
  bool terminal_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::vector<lab::ParetoPoint> points_of(const lab::BoundsTable& table) {
  std::vector<lab::ParetoPoint> points;
  for (const auto& [id, row] : table.rows()) {
    points.push_back({row.bytes_mean, row.f1,
                      fmt::format("{} {}: {:.0f} bytes, F1 {:.3f}, {:.1f} ms", id, KnobSetting::from_id(id).to_string(),
                                  row.bytes_mean, row.f1, row.cost_ms),
                      row.live && row.frames_kept > 0});
  }
  return points;
}

/// The table's rows that are live and that no other beats, by rising size.
std::vector<lab::BoundsRow> front_of(const lab::BoundsTable& table) {
  std::vector<lab::BoundsRow> rows, front;
  for (const auto& [id, row] : table.rows()) rows.push_back(row);
  for (const size_t i : lab::pareto_front(points_of(table))) front.push_back(rows[i]);
  return front;
}

void profile(const ProfileArguments& a) {
  const Signals signals;
  const std::stop_token stop = signals.token();
  lab::BoundsTable table = lab::BoundsTable::open(a.out);
  const std::string recipe_path = a.out + ".json";
  std::vector<int> ids = chosen_ids(a);
  const std::vector<lab::MotRow> truth = a.truth.empty() ? std::vector<lab::MotRow>() : lab::load_mot(a.truth);
  ApplicationEyes eyes(a.application, a.source);
  std::vector<lab::ProfileFrame> frames = load_frames(a, stop);
  const size_t count = frames.size();
  lab::BoundsProfile profile(std::move(frames), truth,
                             [&](const std::shared_ptr<const Picture>& picture) { return eyes.look(picture); },
                             {.score = a.score});
  const auto& baseline = profile.baseline();
  const Json made_of = recipe(a, baseline, count);
  if (!table.rows().empty()) check_recipe(recipe_path, made_of);
  lab::replace_file(recipe_path, made_of.dump(2) + "\n");
  log::info("{}: {} frames, {} truth boxes, untouched frames have F1 {:.3f} from score {:.2f}, {:.1f} ms in the model",
            eyes.application(), count, baseline.truth_boxes, baseline.f1, baseline.score, baseline.infer_ms);

  const size_t asked = ids.size();
  std::erase_if(ids, [&](int id) { return table.contains(id); });
  if (ids.size() < asked) log::info("{} of {} combinations are already in {}", asked - ids.size(), asked, a.out);
  {
    Progress progress(ids.size());
    for (const int id : ids) {
      if (stop.stop_requested()) break;
      table.add(profile.measure(id));
      table.save(a.out);
      progress.step(KnobSetting::from_id(id).to_string());
    }
  }
  lab::replace_file(
      a.out + ".svg",
      lab::pareto_svg(points_of(table), {.title = fmt::format("{} on {}", eyes.application(),
                                                              std::filesystem::path(a.source).filename().string()),
                                         .cost_axis = "mean bytes of a frame that is sent",
                                         .gain_axis = "F1, 1 = untouched frames"}));
  if (stop.stop_requested()) log::info("stopped; the same command goes on where this one ended");
  log::info("{} combinations in {}, the Pareto front in {}.svg", table.rows().size(), a.out, a.out);
}

void show(const ShowArguments& a) {
  if (!std::filesystem::exists(a.table)) throw Error(ErrorCode::kNotFound, a.table + " does not exist");
  const lab::BoundsTable table = lab::BoundsTable::open(a.table);
  std::vector<lab::BoundsRow> rows;
  if (a.everything) {
    for (const auto& [id, row] : table.rows()) rows.push_back(row);
  } else {
    rows = front_of(table);
    std::erase_if(rows, [&](const lab::BoundsRow& row) { return row.f1 < a.least_f1; });
  }
  Table text({{"ID", true},
              {"KNOBS"},
              {"BYTES", true},
              {"P95", true},
              {"F1", true},
              {"KEPT", true},
              {"COST", true},
              {"INFER", true},
              {"LIVE"}});
  for (const lab::BoundsRow& row : rows) {
    text.add({{fmt::format("{}", row.id)},
              {KnobSetting::from_id(row.id).to_string()},
              {fmt::format("{:.0f}", row.bytes_mean)},
              {fmt::format("{:.0f}", row.bytes_p95)},
              {fmt::format("{:.3f}", row.f1), row.f1 >= 0.95 ? Colour::kGreen : Colour::kNone},
              {fmt::format("{:.0f} %", row.kept * 100)},
              {fmt::format("{:.1f} ms", row.cost_ms)},
              {fmt::format("{:.1f} ms", row.infer_ms)},
              {row.live ? "yes" : "no", row.live ? Colour::kNone : Colour::kYellow}});
  }
  fmt::print("{}", text.text(Paint::for_stdout()));
  if (rows.empty()) fmt::print("no combination has an F1 of at least {}; --least-f1 asks for less\n", a.least_f1);
}

void add_profile(CLI::App& bounds) {
  auto a = std::make_shared<ProfileArguments>();
  CLI::App* command =
      bounds.add_subcommand("profile", "bytes, accuracy and cost of an application's frames under knob combinations");
  command->add_option("--app", a->application, "application file (YAML) whose model looks")->required();
  command->add_option("--source", a->source, "a recording: video file or folder of pictures")->required();
  command->add_option("--truth", a->truth, "MOT truth of the recording; without it what the untouched frames show");
  command->add_option("--out", a->out, "table to write or to go on with (CSV)")->required();
  auto* ids = command->add_option("--ids", a->ids, "combinations: 500,1100 or R3+C2")->delimiter(',');
  auto* sample =
      command->add_option("--sample", a->sample, fmt::format("so many, spread over all; the default: {}", kUsualSample))
          ->check(CLI::Range(1, KnobSetting::kIds))
          ->excludes(ids);
  command->add_flag("--all", a->all, "every combination: hours")->excludes(ids)->excludes(sample);
  command->add_flag("--live", a->live, "of those only what the built-in cost table calls live");
  command->add_option("--frames", a->frames, "frames to look at")->check(CLI::Range(1, 100000))->capture_default_str();
  command->add_option("--every", a->every, "take every so many-th frame")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command
      ->add_option("--score", a->score,
                   "objects from this score on count; default: where the untouched frames have their best F1")
      ->check(CLI::Range(0.0, 1.0));
  command->callback([a] { profile(*a); });
}

void add_show(CLI::App& bounds) {
  auto a = std::make_shared<ShowArguments>();
  CLI::App* command = bounds.add_subcommand("show", "the combinations of a table that no other beats");
  command->add_option("table", a->table, "table of `bounds profile`")->required();
  command->add_option("--least-f1", a->least_f1, "combinations with less accuracy are left out")->capture_default_str();
  command->add_flag("--everything", a->everything, "every row, by id");
  command->callback([a] { show(*a); });
}

}  // namespace

void add_bounds_command(CLI::App& parent) {
  CLI::App* bounds = parent.add_subcommand("bounds", "how much smaller an application's frames may become");
  bounds->require_subcommand(1);
  add_profile(*bounds);
  add_show(*bounds);
}

}  // namespace vedette::cli
