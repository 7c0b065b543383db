#include "vedette/media/source.h"

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/media/av_source.h"
#include "vedette/media/image_folder.h"
#include "vedette/media/url.h"

namespace vedette::media {
namespace {

bool gives_live(UrlKind kind, const std::string& url) {
  return kind == UrlKind::kRtsp || kind == UrlKind::kDevice || (kind == UrlKind::kHttp && !names_a_recording(url));
}

}  // namespace

void SourceOptions::fields(Fields& f) {
  f.required().text("url", url, "video file, rtsp://…, http(s)://…, log://…, folder of pictures, or /dev/videoN");
  f.choice("pacing", pacing, {{"auto", Pacing::kAuto}, {"realtime", Pacing::kRealtime}, {"fast", Pacing::kFast}},
           "cameras as they come and files in real time; or force one way");
  f.flag("loop", loop, "start a file or folder again at its end");
  f.text("transport", transport, "how RTSP carries pictures: tcp or udp");
  f.text("hardware", hardware, "FFmpeg device that decodes: vaapi, cuda, …; empty decodes on the CPU");
  f.whole("decoder_threads", decoder_threads, "threads of the decoder", {1, 64});
  f.number("max_fps", max_fps, "most frames a second that are handed on; 0: every frame", {0, 1000});
  f.number("image_fps", image_fps, "frames a second of a folder of pictures", {0.001, 1000});
  f.whole("open_timeout_ms", open_timeout_ms, "longest time to connect", {100, 600000});
  f.whole("read_timeout_ms", read_timeout_ms, "a stream without a packet for so long is lost", {100, 600000});
  f.whole("max_reconnects", max_reconnects, "failures in a row before giving up; 0: never", {0, 1000000});
  f.group("backoff", backoff, "waits between reconnects");
  f.flag("keep_jpeg", keep_jpeg, "hand MJPEG and JPEG on undecoded, to be decoded on the worker threads");
  f.check([this] {
    return transport == "tcp" || transport == "udp" ? "" : "transport must be tcp or udp, not '" + transport + "'";
  });
}

bool is_live(const SourceOptions& options) {
  try {
    const UrlKind kind = kind_of(options.url);
    return kind == UrlKind::kOther ? scheme_of(options.url).live(options) : gives_live(kind, options.url);
  } catch (const Error&) {  // a file that is not there, or not on this machine
    return false;
  }
}

std::unique_ptr<Source> open_source(const SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
                                    std::shared_ptr<BufferPool> pool, const Clock& clock) {
  route_av_log();
  const UrlKind kind = kind_of(options.url);
  check_hardware_name(options.hardware);
  if (options.transport != "tcp" && options.transport != "udp") {
    const std::vector<std::string> known{"tcp", "udp"};
    throw Error(ErrorCode::kUsage, "unknown RTSP transport '" + options.transport + "'",
                did_you_mean(options.transport, known));
  }
  if (kind == UrlKind::kOther) return scheme_of(options.url).open(options, std::move(stream), std::move(pool), clock);
  if (kind == UrlKind::kFolder)
    return std::make_unique<ImageFolder>(options, std::move(stream), std::move(pool), clock);
  return std::make_unique<AvSource>(options, kind, gives_live(kind, options.url), std::move(stream), std::move(pool),
                                    clock);
}

}  // namespace vedette::media
