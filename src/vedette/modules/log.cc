#include "vedette/base/log.h"

#include <atomic>
#include <optional>

#include "vedette/framelog/log_set.h"
#include "vedette/framelog/shelf.h"
#include "vedette/framelog/store_settings.h"
#include "vedette/graph/registry.h"
#include "vedette/media/jpeg.h"
#include "vedette/modules/output_path.h"

namespace vedette::modules {
namespace {

/// A capture time before it is no camera's clock but a file's own.
constexpr Timestamp kFirstRealTime{std::chrono::sys_days(std::chrono::year(2010) / 1 / 1)};

struct LogSettings {
  std::string camera = "{stream}";
  std::string folder;
  int memory_mb = 256;
  int segment_mb = 16;
  framelog::StoreSettings store;
  std::string key_file;
  int quality = 85;

  void fields(Fields& f) {
    f.text("camera", camera, "name of the log; {stream} stands for the stream's name");
    f.text("folder", folder, "frames are kept in a folder of the camera below it; empty: in memory only");
    f.whole("memory_mb", memory_mb, "MiB of the newest frames that are held in memory", {2, 1 << 20});
    f.whole("segment_mb", segment_mb, "MiB that go to the disk as one file", {1, 1024});
    store.fields(f);
    f.text("key_file", key_file,
           "AES-256 keys for the files, a line each, the first one seals; empty: $VEDETTE_LOG_KEY, or plain files");
    f.whole("quality", quality, "of the JPEG that is made when the camera sends none", {1, 100});
    f.check([this] { return 2 * segment_mb <= memory_mb ? "" : "memory_mb must hold two segments of segment_mb"; });
  }
};

/// Keeps a stream's frames, as JPEG, by their capture time: for the console to play back, for "log://local/CAMERA", for
/// brokers, and, with a folder, for later. Frames that come with no later time than the one before count as dropped,
/// "not_logged", as do those that find no room.
class LogModule final : public graph::Module {
 public:
  using Settings = LogSettings;
  explicit LogModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override {
    clock_ = context.clock;
    shelf_ = context.service<framelog::Shelf>();
    framelog::LogOptions log{.camera = output_path(settings_.camera, context),
                             .capacity_bytes = static_cast<size_t>(settings_.memory_mb) << 20,
                             .segment_bytes = static_cast<size_t>(settings_.segment_mb) << 20,
                             .shared = true};
    framelog::Shelf::Item item{
        .camera = log.camera, .log = nullptr, .store = nullptr, .application = context.application};
    if (settings_.folder.empty()) {
      item.log = framelog::Log::make(std::move(log));
    } else {
      framelog::StoreOptions store;
      store.archive.folder = output_path(settings_.folder, context) + "/" + framelog::folder_name(log.camera);
      claim_.emplace(store.archive.folder);
      store.archive.camera = log.camera;
      store.archive.keys = framelog::Keyring::from(settings_.key_file, "VEDETTE_LOG_KEY");
      settings_.store.apply_to(store);
      item.store = std::make_shared<framelog::Store>(std::move(store), std::move(log));
      item.log = item.store->log();
    }
    log_ = item.log;
    store_ = item.store;
    if (shelf_) shelf_->put(std::move(item));
  }

  void process(const Observation& observation, graph::Emit& emit) override {
    const Frame& frame = observation.frame();
    if (last_ == frame.sequence) return;  // the same frame again, to carry the events that close a stream
    last_ = frame.sequence;
    const auto jpeg = media::jpeg_of(frame, settings_.quality);
    framelog::RecordInfo info;
    info.time = time_of(frame);
    const auto [width, height] = media::jpeg_size(*jpeg);
    info.width = static_cast<uint16_t>(width);
    info.height = static_cast<uint16_t>(height);
    info.original_width = static_cast<uint16_t>(frame.width);
    info.original_height = static_cast<uint16_t>(frame.height);
    try {
      log_->append(info, std::as_bytes(std::span(*jpeg)));
      refused_ = false;
    } catch (const Error& e) {
      if (!std::exchange(refused_, true)) log::warn("log of {}: a frame is left out: {}", log_->camera(), e.line());
      emit.drop("not_logged");
    }
  }

  void stop() override {
    if (shelf_) shelf_->remove(log_->camera());
    log_->close();
    store_.reset();
    log_.reset();
    claim_.reset();
  }

 private:
  /// A camera's own time. That of a file begins at 1970: it is moved to the present, or behind what the log has.
  Timestamp time_of(const Frame& frame) {
    if (frame.capture_time >= kFirstRealTime) return frame.capture_time;
    if (!moved_by_) {
      Timestamp begin = clock_->now();
      if (store_)
        if (const auto last = store_->archive()->last_time())
          begin = std::max(begin, *last + std::chrono::milliseconds(1));
      moved_by_ = begin - frame.capture_time;
    }
    return frame.capture_time + *moved_by_;
  }

  const Settings settings_;
  const Clock* clock_ = nullptr;
  framelog::Shelf* shelf_ = nullptr;
  std::optional<OutputClaim> claim_;
  std::shared_ptr<framelog::Log> log_;
  std::shared_ptr<framelog::Store> store_;  // null: in memory only
  std::optional<uint64_t> last_;
  std::optional<Duration> moved_by_;  // of a file's times
  bool refused_ = false;
};

VEDETTE_MODULE(LogModule, {.type = "log",
                           .summary = "Keeps a stream's frames, to be played back and followed",
                           .concurrency = graph::Concurrency::kPerStream,
                           .uses_picture = true,
                           .sink = true});

}  // namespace
}  // namespace vedette::modules
