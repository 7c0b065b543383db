#include "vedette/cli/eval.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/lab/detection_metrics.h"
#include "vedette/lab/track_file.h"
#include "vedette/lab/tracking_metrics.h"

namespace vedette::cli {
namespace {

using Json = nlohmann::ordered_json;

struct EvalOptions {
  std::string truth;
  std::string result;
  std::string detections;
  std::string output = "table";
  std::string clear = "motmetrics";
  std::string tracker = "bytetrack";
  std::vector<std::string> settings;
  double iou = 0.5;
  double score = 0;
};

/// One number to print: its name in JSON and in the table, and what it is.
struct Figure {
  const char* key;
  const char* title;
  Json value;
  const char* meaning;
};

void print(const std::vector<Figure>& figures, const std::string& output) {
  std::string text;
  if (output == "json") {
    Json json = Json::object();
    for (const Figure& f : figures) json[f.key] = f.value;
    text = json.dump(2) + "\n";
  } else {
    for (const Figure& f : figures) {
      const std::string value =
          f.value.is_number_float() ? fmt::format("{:.4f}", f.value.get<double>()) : f.value.dump();
      text += fmt::format("{:<16}{:>10}  {}\n", f.title, value, f.meaning);
    }
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void eval_tracking(const EvalOptions& o) {
  const auto data = lab::bring_together(lab::load_mot(o.truth), lab::load_mot(o.result), o.truth, o.result);
  const auto clear = lab::clear_metrics(
      data, o.iou, o.clear == "trackeval" ? lab::ClearRule::kTrackEval : lab::ClearRule::kMotmetrics);
  const auto identity = lab::identity_metrics(data, o.iou);
  const auto hota = lab::hota_metrics(data);
  print(
      {
          {"mota", "MOTA", clear.mota, "1 - (misses + false positives + switches) / truth boxes"},
          {"motp", "MOTP", clear.motp, "mean overlap of matched boxes"},
          {"idf1", "IDF1", identity.idf1, "agreement of boxes under the best pairing of ids"},
          {"idp", "IDP", identity.precision, "its precision"},
          {"idr", "IDR", identity.recall, "its recall"},
          {"hota", "HOTA", hota.hota, "geometric mean of detection and association, over overlaps"},
          {"deta", "DetA", hota.detection_accuracy, "detection accuracy"},
          {"assa", "AssA", hota.association_accuracy, "association accuracy"},
          {"loca", "LocA", hota.localization_accuracy, "localisation accuracy"},
          {"precision", "precision", clear.precision, "matched / result boxes"},
          {"recall", "recall", clear.recall, "matched / truth boxes"},
          {"f1", "F1", clear.f1, "harmonic mean of both"},
          {"switches", "switches", clear.switches, "a truth continued under another id"},
          {"fragmentations", "fragments", clear.fragmentations, "a truth lost and found again"},
          {"mostly_tracked", "MT", clear.mostly_tracked, "truths matched in at least 80 % of their frames"},
          {"partly_tracked", "PT", clear.partly_tracked, "between"},
          {"mostly_lost", "ML", clear.mostly_lost, "truths matched in less than 20 %"},
          {"false_positives", "false positives", clear.false_positives, "boxes on nothing"},
          {"misses", "misses", clear.misses, "truth boxes without a result"},
          {"truth_boxes", "truth boxes", data.truth_boxes, "rows of confidence 0 taken out"},
          {"result_boxes", "result boxes", data.result_boxes, ""},
          {"truth_ids", "truth ids", data.truth_ids, ""},
          {"result_ids", "result ids", data.result_ids, ""},
          {"frames", "frames", data.frames.size(), "with a box"},
      },
      o.output);
}

void eval_detection(const EvalOptions& o) {
  const auto data = lab::load_detection_data(o.truth, o.result);
  const auto f1 = lab::f1_metrics(data, o.iou, o.score);
  const auto coco = lab::coco_metrics(data);
  print(
      {
          {"f1", "F1", f1.at_score.f1, "of all boxes with at least --score, at --iou"},
          {"precision", "precision", f1.at_score.precision, ""},
          {"recall", "recall", f1.at_score.recall, ""},
          {"best_f1", "best F1", f1.best.f1, "over all scores"},
          {"best_score", "at score", f1.best.threshold, ""},
          {"best_precision", "precision", f1.best.precision, "there"},
          {"best_recall", "recall", f1.best.recall, "there"},
          {"ap", "AP", coco.ap, "COCO mAP over overlaps 0.50 … 0.95; -1: nothing to measure with"},
          {"ap50", "AP50", coco.ap50, ""},
          {"ap75", "AP75", coco.ap75, ""},
          {"ap_small", "AP small", coco.ap_small, "truth below 32² pixels"},
          {"ap_medium", "AP medium", coco.ap_medium, "to 96²"},
          {"ap_large", "AP large", coco.ap_large, "beyond"},
          {"ar1", "AR 1", coco.ar1, "recall with 1 box an image and class"},
          {"ar10", "AR 10", coco.ar10, ""},
          {"ar100", "AR 100", coco.ar100, ""},
          {"ar_small", "AR small", coco.ar_small, ""},
          {"ar_medium", "AR medium", coco.ar_medium, ""},
          {"ar_large", "AR large", coco.ar_large, ""},
          {"true_positives", "true positives", f1.at_score.true_positives, ""},
          {"false_positives", "false positives", f1.at_score.false_positives, ""},
          {"misses", "misses", f1.at_score.false_negatives, ""},
          {"images", "images", data.images.size(), ""},
          {"truth_boxes", "truth boxes", data.truth.size(), "crowds among them"},
          {"result_boxes", "result boxes", data.found.size(), ""},
          {"dropped", "dropped", data.dropped, "result boxes of a class the truth does not have"},
      },
      o.output);
}

/// `--tracker` and the `--set` values as the settings map that an application's track module has.
track::TrackerOptions tracker_options(const EvalOptions& o) {
  ConfigNode map;
  map.set("algorithm", ConfigNode::scalar(o.tracker, "--tracker"));
  for (const std::string& setting : o.settings) {
    const size_t equals = setting.find('='), dot = setting.find('.');
    const std::string origin = "--set " + setting;
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorCode::kUsage, origin + ": no key=value", "--set sort.max_age=5");
    const ConfigNode value = ConfigNode::scalar(setting.substr(equals + 1), origin);
    if (dot >= equals) {
      map.set(setting.substr(0, equals), value);
      continue;
    }
    const std::string group = setting.substr(0, dot);
    const ConfigNode* known = map.find(group);
    ConfigNode inner = known ? *known : ConfigNode();
    inner.set(setting.substr(dot + 1, equals - dot - 1), value);
    map.set(group, inner);
  }
  Faults faults;
  auto options = read_settings<track::TrackerOptions>(map, faults);
  faults.throw_if_any();
  return options;
}

void eval_track(const EvalOptions& o) {
  const auto tracker = track::make_tracker(tracker_options(o));
  const std::string text = lab::format_mot(lab::track_detections(lab::load_mot(o.detections), *tracker));
  errno = 0;
  std::ofstream out(o.result, std::ios::binary);
  out << text << std::flush;
  if (!out) throw_errno(errno ? errno : EIO, "cannot write " + o.result);
}

}  // namespace

void add_eval_command(CLI::App& parent) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* eval = parent.add_subcommand("eval", "score tracking and detection results against a truth");
  eval->require_subcommand(1);

  const auto scored = [&](const char* name, const char* summary, void (*run)(const EvalOptions&)) {
    CLI::App* command = eval->add_subcommand(name, summary);
    command->add_option("--truth", options->truth, "truth file")->required();
    command->add_option("--result", options->result, "result file")->required();
    command->add_option("--iou", options->iou, "least overlap of a match")
        ->check(CLI::Range(0.01, 1.0))
        ->capture_default_str();
    command->add_option("-o,--output", options->output, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
    command->callback([options, run] { run(*options); });
    return command;
  };
  scored("tracking", "MOTA, MOTP, IDF1, HOTA, precision, recall, switches … of MOT files", eval_tracking)
      ->add_option("--clear", options->clear,
                   "whose counting of switches and fragments (MOTA): motmetrics or trackeval")
      ->check(CLI::IsMember({"motmetrics", "trackeval"}))
      ->capture_default_str();
  scored("detection", "F1 and COCO mAP of COCO JSON or MOT files", eval_detection)
      ->add_option("--score", options->score, "count boxes with at least this score in F1")
      ->capture_default_str();

  CLI::App* track = eval->add_subcommand("track", "run a tracker over the detections of a MOT file");
  track->add_option("--detections", options->detections, "MOT detections")->required();
  track->add_option("--result", options->result, "MOT file to write")->required();
  track->add_option("--tracker", options->tracker, "algorithm")->capture_default_str();
  track->add_option("--set", options->settings, "a tracker setting, as sort.max_age=5")->allow_extra_args(false);
  track->callback([options] { eval_track(*options); });
}

}  // namespace vedette::cli
