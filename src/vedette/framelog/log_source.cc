#include "vedette/framelog/log_source.h"

#include <filesystem>

#include "vedette/base/error.h"
#include "vedette/framelog/archive.h"
#include "vedette/framelog/log_set.h"
#include "vedette/framelog/log_url.h"
#include "vedette/framelog/record_source.h"

namespace vedette::framelog {
namespace {

/// How long a source waits for a frame before it looks whether it is to stop.
constexpr Duration kLook = std::chrono::milliseconds(100);

/// The files of a camera as a log that has ended.
std::shared_ptr<const Log> log_of_folder(const LogUrl& url) {
  const std::string folder = url.folder + "/" + folder_name(url.camera);
  if (!std::filesystem::is_directory(folder))
    throw Error(ErrorCode::kNotFound, "there is no log '" + folder + "'", "check the folder and the camera's name");
  ArchiveOptions options;
  options.folder = folder;
  options.camera = url.camera;
  options.read_only = true;
  if (!url.key_file.empty()) options.keys = Keyring::from_file(url.key_file);
  const auto archive = std::make_shared<Archive>(std::move(options));
  const auto log = Log::make({.camera = url.camera,
                              .capacity_bytes = 1u << 20,
                              .segment_bytes = 1u << 18,
                              .first_sequence = archive->next_sequence(),
                              .last_time = archive->last_time()});
  log->set_history(archive);
  log->close();
  return log;
}

std::shared_ptr<const Log> find_log(const Shelf& shelf, const LogUrl& url) {
  if (!url.local()) return log_of_folder(url);
  if (auto item = shelf.find(url.camera)) return item->log;
  std::string known;
  for (const auto& item : shelf.items()) known += (known.empty() ? "" : ", ") + item.camera;
  throw Error(ErrorCode::kUnavailable, "camera '" + url.camera + "' is not logged in this process",
              known.empty() ? "add a 'log' module to an application" : "logged are: " + known);
}

class LogSource final : public RecordSource {
 public:
  LogSource(std::shared_ptr<const Log> log, const LogUrl& url, const media::SourceOptions& options,
            std::shared_ptr<const StreamInfo> stream, std::shared_ptr<BufferPool> pool, const Clock& clock)
      : RecordSource(options, std::move(stream), std::move(pool), clock, url.live(), !live_start(url)),
        log_(std::move(log)),
        cursor_(start(*log_, url, clock.now())) {}

  std::optional<Frame> next(std::stop_token stop) override {
    set_state(media::SourceState::kStreaming);
    while (!stop.stop_requested()) {
      const auto record = cursor_.next(clock_.monotonic() + kLook);
      if (!record) {
        if (cursor_.done()) break;
        continue;
      }
      missing(cursor_.last_gap());
      auto frame = admitted(record->info(), record->bytes());
      if (!frame) continue;
      if (!hand_over(*frame, stop)) break;
      return frame;
    }
    set_state(media::SourceState::kEnded);
    return std::nullopt;
  }

 private:
  static Cursor start(const Log& log, const LogUrl& url, Timestamp now) {
    if (url.to) return log.range(time_of(url.from, now), time_of(*url.to, now));
    return live_start(url) ? log.follow() : log.follow(time_of(url.from, now));
  }
  static bool live_start(const LogUrl& url) { return std::holds_alternative<Newest>(url.from); }

  const std::shared_ptr<const Log> log_;
  Cursor cursor_;
};

}  // namespace

std::unique_ptr<media::Source> open_log(const Shelf& shelf, const media::SourceOptions& options,
                                        std::shared_ptr<const StreamInfo> stream, std::shared_ptr<BufferPool> pool,
                                        const Clock& clock) {
  const LogUrl url = parse_log_url(options.url);
  if (!url.host.empty() && !url.local())
    throw Error(ErrorCode::kUnavailable, "'" + url.host + "': this program opens no logs of other hosts");
  if (url.to && time_of(*url.to, clock.now()) < time_of(url.from, clock.now()))
    throw Error(ErrorCode::kUsage, "source '" + options.url + "': 'to' lies before 'from'");
  return std::make_unique<LogSource>(find_log(shelf, url), url, options, std::move(stream), std::move(pool), clock);
}

LogScheme::LogScheme(const Shelf& shelf, decltype(media::SourceScheme::open) remote) {
  media::set_scheme("log", {.open =
                                [&shelf, remote = std::move(remote)](const auto& options, auto stream, auto pool,
                                                                     const Clock& clock) {
                                  const LogUrl url = parse_log_url(options.url);
                                  return remote && !url.host.empty() && !url.local()
                                             ? remote(options, std::move(stream), std::move(pool), clock)
                                             : open_log(shelf, options, std::move(stream), std::move(pool), clock);
                                },
                            .live = [](const auto& options) { return parse_log_url(options.url).live(); }});
}

LogScheme::~LogScheme() { media::set_scheme("log", {}); }

}  // namespace vedette::framelog
