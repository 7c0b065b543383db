// What is wrong with a fleet file that each field by itself does not show.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/plan/wish.h"
#include "vedette/sim/fleet_file.h"

namespace vedette::sim {
namespace {

constexpr const char* kNotInNames = "*@\"\\\n\t";  // patterns, templates, and settings as JSON
constexpr size_t kMostNodes = 20'000;
constexpr size_t kMostCameras = 200'000;
constexpr size_t kMostStars = 4;  // in a pattern: matching is exponential in them

class Checker {
 public:
  Checker(const ConfigNode& root, FleetFile& file, const std::string& folder)
      : root_(root), file_(file), folder_(folder) {}

  void check() {
    names();
    if (nodes_.empty()) faults_.add(root_, "a fleet needs nodes");
    if (nodes_.size() > kMostNodes)
      faults_.add(root_, fmt::format("{} nodes are more than {}", nodes_.size(), kMostNodes));
    if (camera_names_.size() > kMostCameras)
      faults_.add(root_, fmt::format("there are more than {} cameras", kMostCameras));
    data();
    for (size_t i = 0; i < file_.links.size(); ++i) {
      node_pattern(at("links", i), file_.links[i].from);
      node_pattern(at("links", i), file_.links[i].to);
      data_file(at("links", i), file_.links[i].trace);
    }
    for (size_t i = 0; i < file_.applications.size(); ++i) application(at("applications", i), file_.applications[i]);
    for (size_t i = 0; i < file_.events.size(); ++i) event(at("events", i), file_.events[i]);
    faults_.throw_if_any();
  }

 private:
  const ConfigNode& at(const char* list, size_t i) const {
    const ConfigNode* found = root_.find(list);
    return found && found->is_list() && i < found->items().size() ? found->items()[i] : root_;
  }

  void names() {
    std::set<std::string> all;
    const auto take = [&](const ConfigNode& where, const std::string& name, bool fresh) {
      if (!fresh) faults_.add(where, fmt::format("the name '{}' stands twice", name));
      if (name.find_first_of(kNotInNames) != std::string::npos)
        faults_.add(where, fmt::format("'{}': a name has none of * @ \" \\", name));
    };
    for (size_t i = 0; i < file_.nodes.size() && nodes_.size() <= kMostNodes; ++i)
      for (const auto& name : names_of(file_.nodes[i].name, file_.nodes[i].count)) {
        take(at("nodes", i), name, all.insert(name).second);
        nodes_.push_back(name);
      }
    std::set<std::string> groups;
    for (size_t i = 0; i < file_.cameras.size(); ++i) {
      const auto& cameras = file_.cameras[i];
      take(at("cameras", i), cameras.name, groups.insert(cameras.name).second);
      if (!cameras.on.empty()) node_pattern(at("cameras", i), cameras.on);
      for (auto& name : camera_names(cameras, nodes_)) camera_names_.push_back(std::move(name));
      if (camera_names_.size() > kMostCameras) break;
    }
    std::set<std::string> applications;
    for (size_t i = 0; i < file_.applications.size(); ++i)
      take(at("applications", i), file_.applications[i].name, applications.insert(file_.applications[i].name).second);
    for (const auto& name : applications) application_names_.push_back(name);
  }

  void data() {
    if (!file_.data.empty()) file_.data = (std::filesystem::path(folder_) / file_.data).lexically_normal().string();
    for (size_t i = 0; i < file_.cameras.size(); ++i) {
      const std::string& objects = file_.cameras[i].objects;
      data_file(at("cameras", i), objects.substr(0, objects.find('#')));
    }
  }

  void data_file(const ConfigNode& where, const std::string& name) {
    if (name.empty()) return;
    if (file_.data.empty()) {
      faults_.add(where, fmt::format("'{}' lies in no folder", name), "say where with data: at the top of the file");
    } else if (std::error_code none;
               !std::filesystem::is_regular_file(std::filesystem::path(file_.data) / name, none)) {
      faults_.add(where, fmt::format("there is no file {} in {}", name, file_.data));
    }
  }

  bool stars(const ConfigNode& where, const std::string& pattern) {
    if (static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '*')) <= kMostStars) return true;
    faults_.add(where, fmt::format("'{}' has more than {} stars", pattern, kMostStars));
    return false;
  }

  void node_pattern(const ConfigNode& where, const std::string& pattern) {
    if (!stars(where, pattern)) return;
    if (std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& name) { return matches(pattern, name); })) return;
    faults_.add(where, fmt::format("there is no node '{}'", pattern), did_you_mean(pattern, nodes_));
  }

  void application(const ConfigNode& where, ApplicationsOf& application) {
    if (application.modules.empty()) faults_.add(where, fmt::format("'{}' has no modules", application.name));
    for (const auto& pattern : application.cameras) camera_pattern(where, pattern);
    double before = 1e9;
    for (const auto& text : application.lower_fps) {
      double fps = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fps);
      if (error != std::errc() || end != text.data() + text.size() || fps <= 0 || fps >= before) {
        faults_.add(where, fmt::format("lower_fps must be falling numbers, not '{}'", text));
        break;
      }
      before = fps;
    }
    std::vector<std::string> known{plan::kSource};
    const ConfigNode* list = where.find("modules");
    for (size_t i = 0; i < application.modules.size(); ++i) {
      auto& module = application.modules[i];
      const ConfigNode& line = list && list->is_list() && i < list->items().size() ? list->items()[i] : where;
      if (module.type.empty()) module.type = module.name;
      for (const auto& input : module.inputs)
        if (std::find(known.begin(), known.end(), input) == known.end())
          faults_.add(line, fmt::format("'{}' reads '{}', which does not stand before it", module.name, input),
                      did_you_mean(input, known));
      if ((module.model + module.type).find_first_of(kNotInNames) != std::string::npos)
        faults_.add(line, fmt::format("type and model of '{}' have none of * @ \" \\", module.name));
      if (module.inputs.empty()) faults_.add(line, fmt::format("'{}' has no inputs", module.name));
      if (std::find(known.begin(), known.end(), module.name) != known.end())
        faults_.add(line, fmt::format("the name '{}' stands twice", module.name));
      if (!module.cheaper.empty() && module.model.empty())
        faults_.add(line, fmt::format("'{}' has cheaper models, but no model", module.name));
      if (!module.node.empty()) node_pattern(line, module.node);
      known.push_back(module.name);
    }
  }

  void camera_pattern(const ConfigNode& where, const std::string& pattern) {
    if (!stars(where, pattern)) return;
    if (std::any_of(camera_names_.begin(), camera_names_.end(),
                    [&](const auto& name) { return matches(pattern, name); }))
      return;
    std::vector<std::string> some(camera_names_.begin(),
                                  camera_names_.begin() + std::min<std::ptrdiff_t>(std::ssize(camera_names_), 20));
    faults_.add(where, fmt::format("there is no camera '{}'", pattern), did_you_mean(pattern, some));
  }

  void event(const ConfigNode& where, const EventOf& event) {
    switch (event.what) {
      case Happening::kKillNode:
      case Happening::kDrainNode: node_pattern(where, event.target); break;
      case Happening::kSlowLink:
        node_pattern(where, event.target);
        node_pattern(where, event.other);
        break;
      case Happening::kCrowd:
      case Happening::kCameraOutage: camera_pattern(where, event.target); break;
      case Happening::kAddApplication:
      case Happening::kRemoveApplication:
      case Happening::kChangeApplication: {
        if (!stars(where, event.target)) break;
        const std::string stem = event.target.substr(0, event.target.find_first_of("*@"));
        if (std::none_of(application_names_.begin(), application_names_.end(),
                         [&](const auto& name) { return name.substr(0, stem.size()) == stem; }))
          faults_.add(where, fmt::format("there is no application '{}'", event.target),
                      did_you_mean(event.target, application_names_));
        break;
      }
      case Happening::kKillController: break;
    }
  }

  const ConfigNode& root_;
  FleetFile& file_;
  const std::string folder_;
  Faults faults_;
  std::vector<std::string> nodes_, camera_names_, application_names_;
};

}  // namespace

void check_fleet(const ConfigNode& root, const std::string& folder, FleetFile& file) {
  Checker(root, file, folder).check();
}

}  // namespace vedette::sim
