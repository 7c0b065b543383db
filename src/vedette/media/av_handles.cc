#include "vedette/media/av_handles.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/dict.h>
#include <libavutil/log.h>
#include <libswscale/swscale.h>
}

#include <array>
#include <cstdarg>
#include <mutex>
#include <new>
#include <string_view>

#include "vedette/base/log.h"
#include "vedette/base/time.h"
#include "vedette/media/source.h"

namespace vedette::media {
namespace {

constexpr int kLinesPerWindow = 5;
constexpr Duration kWindow = std::chrono::seconds(10);

/// Lets the first few lines of each window through and counts the rest.
class FloodGate {
 public:
  /// Whether to print; `skipped` is how many lines were held back since the last printed one.
  bool pass(MonotonicTime now, int& skipped) {
    const std::lock_guard lock(mutex_);
    if (now - window_start_ >= kWindow) {
      window_start_ = now;
      printed_ = 0;
    }
    if (printed_ >= kLinesPerWindow) {
      ++skipped_;
      return false;
    }
    ++printed_;
    skipped = std::exchange(skipped_, 0);
    return true;
  }

 private:
  std::mutex mutex_;
  MonotonicTime window_start_{};
  int printed_ = 0;
  int skipped_ = 0;
};

void on_av_log(void* context, int level, const char* format, va_list args) {
  const bool serious = level <= AV_LOG_ERROR;
  if (level > AV_LOG_INFO || !log::enabled(serious ? log::Level::kWarn : log::Level::kDebug)) return;
  std::array<char, 512> text{};
  int prefix = 1;
  av_log_format_line2(context, level, format, args, text.data(), static_cast<int>(text.size()), &prefix);
  std::string_view line(text.data());
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.empty()) return;
  static FloodGate serious_gate, gate;
  int skipped = 0;
  if (!(serious ? serious_gate : gate).pass(Clock::system().monotonic(), skipped)) return;
  const std::string clean = without_credentials(line);
  const std::string more = skipped ? " (" + std::to_string(skipped) + " lines before this one were left out)" : "";
  if (serious)
    log::warn("ffmpeg: {}{}", clean, more);
  else
    log::debug("ffmpeg: {}{}", clean, more);
}

}  // namespace

void AvDelete::operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
void AvDelete::operator()(AVFrame* p) const { av_frame_free(&p); }
void AvDelete::operator()(AVPacket* p) const { av_packet_free(&p); }
void AvDelete::operator()(AVBufferRef* p) const { av_buffer_unref(&p); }
void AvDelete::operator()(SwsContext* p) const { sws_freeContext(p); }

AvPtr<AVFrame> new_av_frame() {
  AvPtr<AVFrame> frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  return frame;
}

AvPtr<AVPacket> new_av_packet() {
  AvPtr<AVPacket> packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

AvOptions::~AvOptions() { av_dict_free(&dictionary_); }
void AvOptions::set(const char* key, const std::string& value) { av_dict_set(&dictionary_, key, value.c_str(), 0); }

std::string av_error_text(int error) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(error, text.data(), text.size());
  return text.data();
}

void route_av_log() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(on_av_log); });
}

}  // namespace vedette::media
