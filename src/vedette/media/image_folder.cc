#include "vedette/media/image_folder.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <algorithm>
#include <cctype>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/media/jpeg.h"

namespace vedette::media {
namespace {

constexpr size_t kLargestFile = 256u << 20;

int codec_of(const std::filesystem::path& file) {
  static const std::map<std::string, int> codecs{
      {".jpg", AV_CODEC_ID_MJPEG}, {".jpeg", AV_CODEC_ID_MJPEG}, {".png", AV_CODEC_ID_PNG},
      {".bmp", AV_CODEC_ID_BMP},   {".webp", AV_CODEC_ID_WEBP},  {".tif", AV_CODEC_ID_TIFF},
      {".tiff", AV_CODEC_ID_TIFF}, {".ppm", AV_CODEC_ID_PPM},    {".pgm", AV_CODEC_ID_PGM}};
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto found = codecs.find(ending);
  return found == codecs.end() ? AV_CODEC_ID_NONE : found->second;
}

Bytes read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) throw Error(ErrorCode::kNotFound, "cannot read '" + file.string() + "'");
  const auto size = static_cast<size_t>(in.tellg());
  if (size > kLargestFile) throw Error(ErrorCode::kInvalidData, "'" + file.string() + "' is larger than any picture");
  Bytes bytes(size);
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in) throw Error(ErrorCode::kInvalidData, "'" + file.string() + "' cannot be read to its end");
  return bytes;
}

bool digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto number = [](std::string_view text, size_t& at) {
        while (at < text.size() && text[at] == '0') ++at;
        const size_t begin = at;
        while (at < text.size() && digit(text[at])) ++at;
        return text.substr(begin, at - begin);
      };
      const std::string_view x = number(a, i), y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;
}

ImageFolder::ImageFolder(const SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
                         std::shared_ptr<BufferPool> pool, const Clock& clock)
    : SourceBase(options, std::move(stream), std::move(pool), clock, options.pacing != Pacing::kFast) {
  std::error_code failed;
  for (std::filesystem::directory_iterator it(options.url, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code unreadable;
    if (!it->is_regular_file(unreadable)) continue;
    if (codec_of(it->path()) == AV_CODEC_ID_NONE)
      drop("not_an_image", false);
    else
      files_.push_back(it->path());
  }
  if (failed) throw_errno(failed.value(), "cannot list '" + options.url + "'");
  if (files_.empty())
    throw Error(ErrorCode::kNotFound, "the folder '" + options.url + "' has no pictures",
                "JPEG, PNG, BMP, WebP, TIFF and PNM are read");
  std::sort(files_.begin(), files_.end(),
            [](const auto& a, const auto& b) { return natural_less(a.filename().string(), b.filename().string()); });
  set_nominal_fps(options.image_fps);
}

std::optional<Frame> ImageFolder::next(std::stop_token stop) {
  set_state(SourceState::kStreaming);
  while (!stop.stop_requested()) {
    if (at_ == files_.size()) {
      if (loaded_this_pass_ == 0) {
        set_state(SourceState::kFailed);
        throw Error(ErrorCode::kInvalidData, "no picture in '" + options_.url + "' decodes", stats().last_error);
      }
      if (!options_.loop) break;
      at_ = 0;
      loaded_this_pass_ = 0;
    }
    Frame frame;
    const Duration position = from_seconds(static_cast<double>(ticks_++) / options_.image_fps);
    if (!load(files_[at_++], frame)) continue;
    ++loaded_this_pass_;
    if (!admit(frame, {Timestamp{position}, CaptureClock::kStreamClock, position})) continue;
    if (!hand_over(frame, stop)) break;
    return frame;
  }
  set_state(SourceState::kEnded);
  return std::nullopt;
}

bool ImageFolder::load(const std::filesystem::path& file, Frame& frame) {
  try {
    Bytes bytes = read_file(file);
    const int codec = codec_of(file);
    if (codec == AV_CODEC_ID_MJPEG) {
      std::tie(frame.width, frame.height) = jpeg_size(bytes);
      if (frame.width > Picture::kLargestSide || frame.height > Picture::kLargestSide) {
        drop("too_large");
        return false;
      }
      if (options_.keep_jpeg)
        frame.jpeg = std::make_shared<const Bytes>(std::move(bytes));
      else
        frame.picture = decode_jpeg(bytes, pool_.get());
      return true;
    }
    decode_other(bytes, codec, frame);
    return frame.picture != nullptr;
  } catch (const Error& e) {
    log::warn("picture '{}' is left out: {}", file.string(), e.what());
    set_error(e.what());
    drop("corrupt");
    return false;
  }
}

void ImageFolder::decode_other(const Bytes& bytes, int codec, Frame& frame) {
  auto& decoder = decoders_[codec];
  if (!decoder) {
    AVCodecParameters* parameters = avcodec_parameters_alloc();
    const std::unique_ptr<AVCodecParameters, void (*)(AVCodecParameters*)> owner(
        parameters, [](AVCodecParameters* p) { avcodec_parameters_free(&p); });
    if (!parameters) throw std::bad_alloc();
    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = static_cast<AVCodecID>(codec);
    decoder = std::make_unique<Decoder>(*parameters, Decoder::Options{}, pool_);
  }
  const AvPtr<AVPacket> packet = new_av_packet();
  if (av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) throw std::bad_alloc();
  std::copy(bytes.begin(), bytes.end(), packet->data);
  packet->flags |= AV_PKT_FLAG_KEY;  // else FFmpeg's PNG decoder takes it for a change to the picture before
  Decoder::Status status = decoder->send(packet.get());
  if (status == Decoder::Status::kMore) {
    decoder->send(nullptr);
    Decoder::Result result = decoder->receive();
    status = result.status;
    frame.picture = std::move(result.picture);
  }
  decoder->flush();
  if (status == Decoder::Status::kTooLarge) {
    drop("too_large");
  } else if (status != Decoder::Status::kPicture) {
    throw Error(ErrorCode::kInvalidData, "it does not decode");
  } else {
    frame.width = frame.picture->width();
    frame.height = frame.picture->height();
  }
}

}  // namespace vedette::media
