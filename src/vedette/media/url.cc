#include "vedette/media/url.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"

namespace vedette::media {
namespace {

constexpr std::array<std::string_view, 10> kRecordings{".mp4",  ".m4v", ".mkv", ".avi", ".mov",
                                                       ".webm", ".ts",  ".mpg", ".flv", ".jpg"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool is_scheme(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '-'; });
}

struct Schemes {
  std::mutex mutex;
  std::map<std::string, SourceScheme> known;
};
Schemes& schemes() {
  static Schemes all;
  return all;
}

/// In lower case; empty when there is none.
std::string scheme_name(std::string_view url) {
  const size_t colon = url.find("://");
  return colon != std::string_view::npos && is_scheme(url.substr(0, colon)) ? lower(url.substr(0, colon)) : "";
}

}  // namespace

void set_scheme(const std::string& name, SourceScheme scheme) {
  const std::lock_guard lock(schemes().mutex);
  if (scheme.open) {
    schemes().known[name] = std::move(scheme);
  } else {
    schemes().known.erase(name);
  }
}

SourceScheme scheme_of(const std::string& url) {
  const std::lock_guard lock(schemes().mutex);
  const auto found = schemes().known.find(scheme_name(url));
  return found == schemes().known.end() ? SourceScheme{} : found->second;
}

std::string_view to_string(SourceState state) {
  switch (state) {
    case SourceState::kConnecting: return "connecting";
    case SourceState::kStreaming: return "streaming";
    case SourceState::kWaiting: return "waiting";
    case SourceState::kEnded: return "ended";
    case SourceState::kFailed: return "failed";
  }
  return "?";
}

std::string without_credentials(std::string_view text) {
  std::string result;
  for (;;) {
    const size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return result.append(text);
    const size_t begin = scheme + 3;
    const size_t end = std::min(text.find_first_of("/ '\"\t\n?#", begin), text.size());
    // The last @ before the path: a careless password may hold one itself.
    const size_t at = text.substr(begin, end - begin).rfind('@');
    result.append(text.substr(0, begin));
    text.remove_prefix(at == std::string_view::npos ? begin : begin + at + 1);
  }
}

UrlKind kind_of(const std::string& url) {
  if (url.empty())
    throw Error(ErrorCode::kUsage, "a source needs a url", "a file, a folder, /dev/videoN, rtsp://… or http://…");
  if (const std::string scheme = scheme_name(url); !scheme.empty()) {
    if (scheme == "rtsp" || scheme == "rtsps") return UrlKind::kRtsp;
    if (scheme == "http" || scheme == "https") return UrlKind::kHttp;
    std::vector<std::string> known{"rtsp", "rtsps", "http", "https"};
    {
      const std::lock_guard lock(schemes().mutex);
      if (schemes().known.contains(scheme)) return UrlKind::kOther;
      for (const auto& [name, ignored] : schemes().known) known.push_back(name);
    }
    throw Error(ErrorCode::kUsage, "unknown scheme in source '" + without_credentials(url) + "'",
                did_you_mean(scheme, known));
  }
  std::error_code failed;
  const auto status = std::filesystem::status(url, failed);
  if (!std::filesystem::exists(status)) {
    if (failed && failed.value() == EACCES)
      throw Error(ErrorCode::kPermissionDenied, "no rights to reach '" + url + "'", "check the rights of its folders");
    throw Error(ErrorCode::kNotFound, "there is no file, folder or device '" + url + "'", "check the path");
  }
  const bool folder = std::filesystem::is_directory(status);
  if (access(url.c_str(), folder ? R_OK | X_OK : R_OK) != 0) {
    throw Error(
        ErrorCode::kPermissionDenied, "no rights to read '" + url + "'",
        std::filesystem::is_character_file(status) ? "add this user to the group 'video'" : "check its owner and mode");
  }
  if (folder) return UrlKind::kFolder;
  if (std::filesystem::is_character_file(status)) return UrlKind::kDevice;
  return UrlKind::kFile;
}

std::string host_of(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const size_t at = url.rfind('@');
  if (at != std::string_view::npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

bool names_a_recording(std::string_view url) {
  const std::string path = lower(url.substr(0, url.find_first_of("?#")));
  return std::any_of(kRecordings.begin(), kRecordings.end(),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

}  // namespace vedette::media
