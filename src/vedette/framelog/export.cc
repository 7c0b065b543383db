#include "vedette/framelog/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/framelog/record_decoder.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/video_writer.h"

namespace vedette::framelog {
namespace {

/// Calls `take` with each frame; false, or Error(kInvalidData), says that it is no good.
template <typename Take>
ExportResult walk(Cursor& frames, const ExportProgress& progress, Take take) {
  ExportResult result;
  const uint64_t missed_before = frames.missed();
  while (const auto frame = frames.next()) {
    try {
      if (take(*frame)) {
        ++result.frames;
        result.bytes += frame->size_bytes();
      } else {
        ++result.broken;
      }
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kInvalidData) throw;
      ++result.broken;
      log::warn("frame {} of {} is left out: {}", frame->sequence(), to_rfc3339(frame->time()), e.line());
    }
    result.missing = frames.missed() - missed_before;
    if (progress) progress(result, *frame);
  }
  return result;
}

}  // namespace

ExportResult export_mp4(Cursor& frames, const std::string& path, const ExportProgress& progress) {
  std::optional<media::VideoWriter> writer;
  RecordDecoder decoder(std::make_shared<BufferPool>(), false);
  int64_t begin_us = 0;
  const auto result = walk(frames, progress, [&](const FrameRef& frame) {
    const auto decoded = decoder.decode(frame.info(), frame.bytes());
    if (!decoded) return false;
    const auto& picture = decoded->picture;
    if (!writer) {
      media::VideoWriterOptions options;
      options.path = path;
      writer.emplace(options);
      begin_us = frame.time_us();
    }
    writer->write(*picture, std::chrono::microseconds(frame.time_us() - begin_us));
    return true;
  });
  if (writer) writer->finish();
  return result;
}

std::string jpeg_name(const FrameRef& frame) {
  std::string time = to_rfc3339(frame.time());
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}-{:012}.jpg", time, frame.sequence());
}

ExportResult export_jpegs(Cursor& frames, const std::string& folder, int quality, const ExportProgress& progress) {
  std::error_code fault;
  std::filesystem::create_directories(folder, fault);
  if (fault) throw_errno(fault.value(), fmt::format("cannot create the folder {}", folder));
  RecordDecoder decoder(std::make_shared<BufferPool>(), false);
  return walk(frames, progress, [&](const FrameRef& frame) {
    const auto bytes = frame.bytes();
    std::span<const uint8_t> jpeg(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    Bytes encoded;
    if (frame.info().codec != FrameCodec::kJpeg) {
      const auto decoded = decoder.decode(frame.info(), bytes);
      if (!decoded) return false;
      encoded = media::encode_jpeg(*decoded->picture, quality);
      jpeg = encoded;
    }
    const std::string path = folder + "/" + jpeg_name(frame);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size()));
    file.close();
    if (!file) throw_errno(errno == 0 ? EIO : errno, fmt::format("cannot write {}", path));
    return true;
  });
}

}  // namespace vedette::framelog
