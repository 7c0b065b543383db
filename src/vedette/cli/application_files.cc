#include "vedette/cli/application_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/fleet/yaml_text.h"

namespace vedette::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFileBytes = 64u << 20;  // an export of a large fleet

std::string read_all(std::istream& in, const std::string& path) {
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (text.size() > kMaxFileBytes) throw Error(ErrorCode::kUsage, path + " is too large to hold applications");
  return text;
}

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw_errno(errno == 0 ? ENOENT : errno, "cannot read " + path);
  return read_all(in, path);
}

std::vector<std::string> files_of(const std::string& path) {
  if (path == "-" || !fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    const auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml"))
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) throw Error(ErrorCode::kNotFound, path + " holds no .yaml file");
  return files;
}

std::string name_in(const std::string& yaml, const std::string& origin) {
  const ConfigNode root = parse_config(yaml, origin);
  const ConfigNode* name = root.is_map() ? root.find("application") : nullptr;
  if (!name || !name->is_scalar() || name->text().empty())
    throw Error(ErrorCode::kInvalidConfig, origin + ": there is no 'application: NAME' in it");
  return name->text();
}

}  // namespace

std::vector<ApplicationText> read_applications(const std::vector<std::string>& paths) {
  std::vector<ApplicationText> found;
  std::map<std::string, std::string> origins;
  Faults faults;
  for (const auto& path : paths) {
    for (const auto& file : files_of(path)) {
      const std::string origin = file == "-" ? "standard input" : file;
      const std::string text = file == "-" ? read_all(std::cin, origin) : read_file(file);
      const auto documents = fleet::split_documents(text);
      if (documents.empty()) faults.add(origin + ": there is nothing in it");
      for (const auto& yaml : documents) {
        try {
          std::string name = name_in(yaml, origin);
          const auto [other, is_new] = origins.emplace(name, origin);
          if (!is_new)
            throw Error(ErrorCode::kUsage, fmt::format("'{}' is in {} and again in {}", name, other->second, origin),
                        "give each application a name of its own");
          found.push_back({std::move(name), yaml, origin});
        } catch (const Error& e) {
          if (e.code() != ErrorCode::kInvalidConfig) throw;
          faults.add(e.line());
        }
      }
    }
  }
  faults.throw_if_any();
  return found;
}

}  // namespace vedette::cli
