#include "vedette/modules/output_path.h"

#include <filesystem>
#include <mutex>
#include <set>

#include "vedette/base/error.h"

namespace vedette::modules {
namespace {

struct Claims {
  std::mutex mutex;
  std::set<std::string> paths;
};

Claims& claims() {
  static Claims all;
  return all;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

std::string output_path(const std::string& pattern, const graph::ModuleContext& context) {
  std::string path = pattern;
  if (context.stream) replace_all(path, "{stream}", context.stream->name);
  replace_all(path, "{application}", context.application);
  return path;
}

OutputClaim::OutputClaim(const std::string& path) {
  std::error_code error;
  path_ = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error).string();
  if (error) path_ = path;
  const std::lock_guard lock(claims().mutex);
  if (!claims().paths.insert(path_).second)
    throw Error(ErrorCode::kUsage, "two streams or sinks would write to " + path, "put {stream} into the path");
}

OutputClaim::~OutputClaim() {
  const std::lock_guard lock(claims().mutex);
  claims().paths.erase(path_);
}

}  // namespace vedette::modules
