#pragma once

#include <string>
#include <string_view>

#include "vedette/media/source.h"

namespace vedette::media {

/// What stands behind a source's URL.
enum class UrlKind { kFile, kFolder, kDevice, kRtsp, kHttp, kOther };

/// Looks at the name, then at the disk. Throws Error: kUsage (an unknown scheme, an empty name), kNotFound,
/// kPermissionDenied.
UrlKind kind_of(const std::string& url);

/// The scheme that set_scheme() was told of; empty functions when there is none.
SourceScheme scheme_of(const std::string& url);

/// Host name of a URL with a scheme, without user, port and brackets: "cam7" of "rtsp://u:p@cam7:554/main".
std::string host_of(std::string_view url);

/// Whether an http(s) URL names a recording by its ending (.mp4, .mkv, …) rather than a camera.
bool names_a_recording(std::string_view url);

}  // namespace vedette::media
