#include "vedette/sim/fleet_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace vedette::sim {

constexpr Range kTimes{0, 1e7};

void NodesOf::fields(Fields& f) {
  f.required().text("name", name, "of the nodes: name-1, name-2, … when there are several");
  f.whole("count", count, "how many", {1, 10'000});
  f.number("cores", cores, "of each", {0.05, 1024});
  f.number("speed", speed, "of one core, against a desktop core of 2020", {0.01, 100});
  f.number("memory_gb", memory_gb, "of each", {0.01, 65'536});
  f.number("joins_at_s", joins_at_s, "when they come", kTimes);
  f.pairs("labels", labels, "that they carry");
}

void LinksOf::fields(Fields& f) {
  f.text("from", from, "sending nodes");
  f.text("to", to, "receiving nodes; the way back is the same unless a later rule says otherwise");
  f.number("mbps", mbps, "bandwidth in Mbit/s", {0.001, 1e6});
  f.number("rtt_ms", rtt_ms, "round trip", {0, 60'000});
  f.number("jitter_ms", jitter_ms, "mean of what is added at random to half a round trip", {0, 60'000});
  f.text("trace", trace, "file of bandwidths over time, in `data`; repeated when it ends");
}

void CamerasOf::fields(Fields& f) {
  f.required().text("name", name, "of the cameras: name-1, name-2, … when there are several");
  f.whole("count", count, "how many; with `on`: on each node", {1, 100'000});
  f.text("on", on, "nodes on whose own bus they are; without it they are in the network");
  f.number("fps", fps, "frames a second", {0.05, 240});
  f.number("jitter_ms", jitter_ms, "standard deviation of when a frame comes", {0, 10'000});
  f.number("picture_kb", picture_kb, "of one picture as JPEG", {0.1, 100'000});
  f.number("decode_ms", decode_ms, "to decode one picture, on a core of speed 1", {0, 10'000});
  f.text("objects", objects, "file of counts in `data`, with #scene for one of its scenes");
  f.number("mean_objects", mean_objects, "in a frame, without a file", {0, 10'000});
  f.number("outage_every_s", outage_every_s, "mean time between outages; 0: none", kTimes);
  f.number("outage_s", outage_s, "how long one is", kTimes);
}

void CheaperModel::fields(Fields& f) {
  f.required().text("model", model, "name");
  f.required().number("cost_ms", cost_ms, "its service time", {0, 600'000});
}

void ModuleOf::fields(Fields& f) {
  f.required().text("name", name, "within the application");
  f.text("type", type, "empty: the name");
  f.texts("inputs", inputs, "modules, or source");
  f.required().number("cost_ms", cost_ms, "service time on a core of speed 1", {0, 600'000});
  f.number("per_object_ms", per_object_ms, "more for each object in the frame", {0, 60'000});
  f.number("spread", spread, "standard deviation of the service time over its mean", {0, 10});
  f.number("bytes_out", bytes_out, "of an observation on the wire, without the picture", {0, 1e9});
  f.number("memory_mb", memory_mb, "of a copy", {0, 1e6});
  f.number("passes", passes, "share of observations that it hands on", {0, 1});
  f.choice("scope", scope, {{"stateless", 0}, {"per_stream", 1}, {"global", 2}}, "what it keeps between observations");
  f.flag("sink", sink, "its effects are the application's own: never shared");
  f.choice("reads", reads, {{"objects", 0}, {"crops", 1}, {"picture", 2}}, "of the observation");
  f.text("model", model, "name");
  f.groups("cheaper", cheaper, "models that the supervisor may fall back to, best first");
  f.whole("queue", queue, "observations of a stream that wait at most", {1, 1024});
  f.choice("when_full", when_full,
           {{"latest", WhenFull::kLatest}, {"block", WhenFull::kBlock}, {"drop_oldest", WhenFull::kDropOldest}},
           "what a full queue does");
  f.text("node", node, "only there");
  f.pairs("labels", labels, "only on nodes that carry these");
}

void ApplicationsOf::fields(Fields& f) {
  f.required().text("name", name, "of the application, or of the template");
  f.flag("each_camera", each_camera, "one for each camera: name@camera");
  f.flag("each_node", each_node, "one for each node that has cameras, with them: name@node");
  f.texts("cameras", cameras, "which");
  f.text("tenant", tenant, "its owner");
  f.whole("priority", priority, "the greater is kept when not all can be", {0, 100});
  f.flag("share", share, "whether other tenants may share its modules");
  f.flag("starts", starts, "false: an event adds it");
  f.number("latency_p95_ms", latency_p95_ms, "objective; 0: none", {0, 1e7});
  f.number("min_fps", min_fps, "objective; 0: none", {0, 1000});
  f.texts("lower_fps", lower_fps, "frame rates that the supervisor may fall back to");
  f.groups("modules", modules, "from the sources on");
  f.check([this] { return each_camera && each_node ? "each_camera and each_node exclude each other" : ""; });
}

void EventOf::fields(Fields& f) {
  f.number("at_s", at_s, "when", kTimes);
  f.number("every_s", every_s, "at random, so often at the mean", {0.01, 1e7});
  f.required().choice("what", what,
                      {{"kill_node", Happening::kKillNode},
                       {"drain_node", Happening::kDrainNode},
                       {"kill_controller", Happening::kKillController},
                       {"add_application", Happening::kAddApplication},
                       {"remove_application", Happening::kRemoveApplication},
                       {"change_application", Happening::kChangeApplication},
                       {"slow_link", Happening::kSlowLink},
                       {"crowd", Happening::kCrowd},
                       {"camera_outage", Happening::kCameraOutage}},
                      "what happens");
  f.text("target", target,
         "to whom; of several nodes or applications that fit, to one at random; to all cameras and links that fit");
  f.text("other", other, "the receiving end of slow_link");
  f.number("for_s", for_s, "then it is undone; 0: never", kTimes);
  f.number("factor", factor, "of bandwidth (slow_link) or of objects (crowd)", {0.0001, 1000});
  f.check([this] { return (at_s >= 0) == (every_s > 0) ? "an event has either at_s or every_s" : ""; });
}

void ControllerOf::fields(Fields& f) {
  f.number("lease_s", lease_s, "without a report for so long a node counts as dead", {0.1, 3600});
  f.number("report_s", report_s, "how often nodes report", {0.05, 600});
  f.number("supervise_s", supervise_s, "how often objectives are looked at", {0.1, 600});
  f.number("plan_s", plan_s, "from a cause to the plan", {0, 600});
  f.number("deliver_s", deliver_s, "from the plan to a node", {0, 600});
  f.number("start_s", start_s, "to start modules on a node", {0, 600});
  f.number("full", full, "share of a node's cores that is planned for", {0.05, 1});
  f.number("effort", effort, "bound on the planner's search, about 50 ns each; 0: its own", {0, 1e9});
  f.flag("knows", knows, "what modules cost, from earlier runs; else it guesses by type and learns");
}

void FleetFile::fields(Fields& f) {
  f.text("name", name, "for the report");
  auto wide = static_cast<int64_t>(seed);
  f.whole("seed", wide, "of everything random", {0, 9e15});
  seed = static_cast<uint64_t>(wide);
  f.number("duration_s", duration_s, "simulated", {1, 1e7});
  f.choice("mode", mode, {{"auto", Mode::kAuto}, {"frames", Mode::kFrames}, {"slots", Mode::kSlots}}, "how");
  f.whole("frames_up_to", frames_up_to, "cameras; more are simulated in slots", {0, 1'000'000});
  f.number("slot_ms", slot_ms, "of a slot", {5, 1000});
  f.text("data", data, "folder of traces and counts, relative to this file");
  f.groups("nodes", nodes, "machines");
  f.groups("links", links, "between nodes; later rules win");
  f.groups("cameras", cameras, "streams");
  f.groups("applications", applications, "what runs");
  f.groups("events", events, "what happens");
  f.group("controller", controller, "its delays");
}

bool matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t at = star; at <= name.size(); ++at)
    if (matches(rest, name.substr(at))) return true;
  return false;
}

std::vector<std::string> names_of(const std::string& name, int count) {
  if (count == 1) return {name};
  std::vector<std::string> out;
  for (int i = 1; i <= count; ++i) out.push_back(fmt::format("{}-{}", name, i));
  return out;
}

std::vector<std::string> camera_names(const CamerasOf& cameras, const std::vector<std::string>& nodes) {
  if (cameras.on.empty()) return names_of(cameras.name, cameras.count);
  std::vector<std::string> out;
  const auto hosts =
      std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) { return matches(cameras.on, node); });
  for (const auto& node : nodes) {
    if (!matches(cameras.on, node)) continue;
    for (auto& name : names_of(hosts == 1 ? cameras.name : node + "-" + cameras.name, cameras.count))
      out.push_back(std::move(name));
  }
  return out;
}

FleetFile read_fleet(const ConfigNode& root, const std::string& folder) {
  Faults faults;
  auto file = read_settings<FleetFile>(root, faults);
  faults.throw_if_any();
  check_fleet(root, folder, file);
  return file;
}

FleetFile load_fleet(const std::string& path) {
  return read_fleet(load_config(path), std::filesystem::path(path).parent_path().string());
}

}  // namespace vedette::sim
