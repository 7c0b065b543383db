#include "vedette/framelog/log_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

#include "vedette/base/error.h"

namespace vedette::framelog {

std::string folder_name(const std::string& camera) {
  std::string name;
  for (size_t i = 0; i < camera.size(); ++i) {
    const auto c = static_cast<unsigned char>(camera[i]);
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '_' || (c == '.' && i > 0);
    name += plain ? std::string(1, camera[i]) : fmt::format("%{:02X}", c);
  }
  return name;
}

std::string camera_of_folder(const std::string& name) {
  std::string camera;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool coded = name[i] == '%' && i + 2 < name.size() &&
                       std::isxdigit(static_cast<unsigned char>(name[i + 1])) &&
                       std::isxdigit(static_cast<unsigned char>(name[i + 2]));
    camera += coded ? static_cast<char>(std::stoi(name.substr(i + 1, 2), nullptr, 16)) : name[i];
    if (coded) i += 2;
  }
  return camera;
}

LogSet::~LogSet() {
  for (const auto& camera : cameras()) close(camera);
}

std::shared_ptr<Log> LogSet::open(const std::string& camera) {
  const std::lock_guard lock(mutex_);
  if (const auto found = members_.find(camera); found != members_.end()) return found->second.log;
  if (camera.empty() || camera.size() > SegmentHeader::kMaxCameraBytes) {
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no name for a camera", camera),
                fmt::format("1 to {} bytes", SegmentHeader::kMaxCameraBytes));
  }
  if (members_.size() >= options_.max_cameras) {
    throw Error(ErrorCode::kExhausted,
                fmt::format("no frame log for '{}': {} cameras have one", camera, members_.size()),
                "raise max_cameras");
  }
  LogOptions log = options_.log;
  log.camera = camera;
  Member member;
  if (options_.folder.empty()) {
    member.log = Log::make(std::move(log));
  } else {
    StoreOptions store = options_.store;
    store.archive.folder = options_.folder + "/" + folder_name(camera);
    member.store = std::make_shared<Store>(std::move(store), std::move(log));
    member.log = member.store->log();
  }
  return members_.emplace(camera, std::move(member)).first->second.log;
}

std::shared_ptr<Log> LogSet::find(const std::string& camera) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(camera);
  return found == members_.end() ? nullptr : found->second.log;
}

std::shared_ptr<Store> LogSet::store(const std::string& camera) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(camera);
  return found == members_.end() ? nullptr : found->second.store;
}

std::vector<std::string> LogSet::cameras() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  names.reserve(members_.size());
  for (const auto& [name, member] : members_) names.push_back(name);
  return names;
}

std::vector<std::string> LogSet::stored() const {
  std::vector<std::string> names;
  std::error_code fault;
  if (options_.folder.empty() || !std::filesystem::exists(options_.folder, fault)) return names;
  std::filesystem::directory_iterator entries(options_.folder, fault);
  for (; !fault && entries != std::filesystem::directory_iterator(); entries.increment(fault)) {
    const std::string name = entries->path().filename().string();
    std::error_code gone;
    // A folder of another name than its camera's is somebody else's.
    if (entries->is_directory(gone) && folder_name(camera_of_folder(name)) == name) {
      names.push_back(camera_of_folder(name));
    }
  }
  if (fault) throw_errno(fault.value(), fmt::format("cannot list {}", options_.folder));
  std::sort(names.begin(), names.end());
  return names;
}

void LogSet::close(const std::string& camera) {
  Member member;
  {
    const std::lock_guard lock(mutex_);
    const auto found = members_.find(camera);
    if (found == members_.end()) return;
    member = std::move(found->second);
    members_.erase(found);
  }
  // The writer may still be in append(): it is then told that the log is closed at its next frame, and the store's last
  // look writes what came before.
  member.log->close();
}

}  // namespace vedette::framelog
