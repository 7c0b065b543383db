#pragma once

#include <memory>
#include <string>

struct AVBSFContext;
struct AVBufferRef;
struct AVCodecContext;
struct AVDictionary;
struct AVFormatContext;
struct AVFrame;
struct AVPacket;
struct SwsContext;

namespace vedette::media {

/// Owners of FFmpeg's objects.
struct AvDelete {
  void operator()(AVCodecContext* p) const;
  void operator()(AVFrame* p) const;
  void operator()(AVPacket* p) const;
  void operator()(AVBufferRef* p) const;
  void operator()(SwsContext* p) const;
};
template <typename T>
using AvPtr = std::unique_ptr<T, AvDelete>;

AvPtr<AVFrame> new_av_frame();
AvPtr<AVPacket> new_av_packet();

/// FFmpeg's options dictionary.
class AvOptions {
 public:
  AvOptions() = default;
  ~AvOptions();
  AvOptions(const AvOptions&) = delete;
  AvOptions& operator=(const AvOptions&) = delete;
  void set(const char* key, const std::string& value);
  AVDictionary** get() { return &dictionary_; }

 private:
  AVDictionary* dictionary_ = nullptr;
};

/// FFmpeg's words for an error number: "Connection refused".
std::string av_error_text(int error);

/// Sends FFmpeg's own log to ours: its errors as warnings, the rest as debug lines, credentials removed, and no more
/// than a few lines every ten seconds (a broken camera writes hundreds a second). Idempotent; called by whatever uses
/// FFmpeg first.
void route_av_log();

}  // namespace vedette::media
