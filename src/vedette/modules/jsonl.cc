#include <optional>

#include "vedette/graph/registry.h"
#include "vedette/modules/json_form.h"
#include "vedette/modules/line_file.h"
#include "vedette/modules/output_path.h"

namespace vedette::modules {
namespace {

enum class What { kObjects, kEvents, kBoth };

struct JsonlSettings {
  std::string path;
  What what = What::kBoth;
  bool skip_empty = false;
  bool embeddings = false;
  bool append = false;
  int flush_ms = 1000;
  int64_t max_bytes = 0;
  int keep = 3;

  void fields(Fields& f) {
    f.required().text("path", path,
                      "of the file; '-': standard output; {application} stands for the application's name");
    f.choice("what", what, {{"both", What::kBoth}, {"events", What::kEvents}, {"objects", What::kObjects}},
             "a line an event, a line an observation, or both");
    f.flag("skip_empty", skip_empty, "no line for an observation without objects");
    f.flag("embeddings", embeddings, "write each object's embedding, where it has one");
    f.flag("append", append, "go on with an earlier file instead of keeping it aside as path.1");
    f.whole("flush_ms", flush_ms, "lines wait in memory for so long; events never do", {0, 600000});
    f.whole("max_bytes", max_bytes, "begin a new file before this one grows beyond; 0: never", {0, 1e15});
    f.whole("keep", keep, "earlier files that are kept, path.1 the newest", {0, 1000});
  }
};

/// Writes JSON lines: each observation's events, then the observation itself. A full disk costs neither the run nor,
/// before 4 MiB, any line: they wait in memory and the write is tried again. Lines that are lost after that count as
/// dropped, "not_written".
class JsonlModule final : public graph::Module {
 public:
  using Settings = JsonlSettings;
  explicit JsonlModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override {
    clock_ = context.clock;
    LineFileOptions options;
    options.path = output_path(settings_.path, context);
    options.append = settings_.append;
    options.max_bytes = settings_.max_bytes;
    options.keep = settings_.keep;
    options.flush_interval = std::chrono::milliseconds(settings_.flush_ms);
    if (options.path != "-") claim_.emplace(options.path);
    file_.emplace(options, clock_->monotonic());
  }

  void process(const Observation& observation, graph::Emit& emit) override {
    text_.clear();
    uint64_t lines = 0;
    const bool events = settings_.what != What::kObjects && !observation.events().empty();
    if (events) {
      for (const Event& event : observation.events()) {
        append_event_json(text_, observation, event);
        text_ += '\n';
        ++lines;
      }
    }
    if (settings_.what != What::kEvents && !(settings_.skip_empty && observation.objects().empty())) {
      append_observation_json(text_, observation, settings_.embeddings);
      text_ += '\n';
      ++lines;
    }
    if (lines > 0 && !file_->add(text_, lines)) emit.drop("not_written");
    file_->write(clock_->monotonic(), events && !file_->failing());
  }

  void end_of_stream(const StreamInfo&, graph::Emit&) override { file_->write(clock_->monotonic(), true); }

  void stop() override {
    file_->close(clock_->monotonic());
    file_.reset();
    claim_.reset();
  }

 private:
  const Settings settings_;
  const Clock* clock_ = nullptr;
  std::optional<OutputClaim> claim_;
  std::optional<LineFile> file_;
  std::string text_;
};

VEDETTE_MODULE(JsonlModule, {.type = "jsonl",
                             .summary = "Writes events and observations as JSON lines",
                             .concurrency = graph::Concurrency::kGlobal,
                             .sink = true});

}  // namespace
}  // namespace vedette::modules
