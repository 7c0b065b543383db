#include "vedette/console/page.h"

#include <zlib.h>

#include <algorithm>
#include <string>

#include "vedette/base/error.h"
#include "vedette/console/assets.h"

namespace vedette::console {
namespace {

/// For the rare client that takes no gzip.
std::string inflated(std::string_view gzip) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw Error(ErrorCode::kInternal, "zlib does not start");
  std::string out;
  std::string block(64 << 10, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.append(block.data(), block.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) throw Error(ErrorCode::kInternal, "a file of the page does not unpack");
  return out;
}

}  // namespace

#ifndef VEDETTE_WEB_PAGE
std::span<const Asset> web_assets() { return {}; }
#endif

bool answer_page(const net::Request& request, net::Response& response) {
  const auto assets = web_assets();
  const std::string path = request.path == "/" ? "/index.html" : request.path;
  if (assets.empty() && path == "/index.html") {
    response.set_content(
        "Vedette runs. This program was built without the web page (VEDETTE_WEB=OFF); see /api/status.\n",
        "text/plain; charset=utf-8");
    return true;
  }
  const auto found = std::find_if(assets.begin(), assets.end(), [&](const Asset& asset) { return asset.path == path; });
  if (found == assets.end()) return false;
  // Vite puts a hash of the content into the names below /assets/.
  response.set_header("Cache-Control",
                      path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  response.set_header("ETag", std::string(found->etag));
  response.set_header("Vary", "Accept-Encoding");
  if (request.header("If-None-Match") == found->etag) {
    response.status = 304;
    return true;
  }
  if (request.header("Accept-Encoding").find("gzip") != std::string::npos) {
    response.set_header("Content-Encoding", "gzip");
    response.set_content(std::string(found->gzip), std::string(found->type));
  } else {
    response.set_content(inflated(found->gzip), std::string(found->type));
  }
  return true;
}

}  // namespace vedette::console
