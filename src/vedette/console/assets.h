#pragma once

#include <span>
#include <string_view>

namespace vedette::console {

/// One file of the built page, as it lies in the program.
struct Asset {
  std::string_view path;    ///< "/index.html", "/assets/index-3f2a.js"
  std::string_view type;    ///< media type
  std::string_view etag;    ///< quoted
  std::string_view gzip;    ///< the bytes, compressed with gzip
};

/// The page's files; empty when the program was built without the page. Defined by web/ where that is built.
std::span<const Asset> web_assets();

}  // namespace vedette::console
