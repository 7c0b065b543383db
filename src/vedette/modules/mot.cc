#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/graph/registry.h"
#include "vedette/modules/output_path.h"

namespace vedette::modules {
namespace {

struct MotSettings {
  std::string path;

  void fields(Fields& f) { f.required().text("path", path, "of the text file; {stream} stands for the stream's name"); }
};

/// Writes tracks as MOTChallenge text: frame,id,left,top,width,height,score,-1,-1,-1, frames from 1, id -1 without a
/// track.
class MotModule final : public graph::Module {
 public:
  using Settings = MotSettings;
  explicit MotModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override {
    path_ = output_path(settings_.path, context);
    claim_.emplace(path_);
    file_.reset(std::fopen(path_.c_str(), "wb"));
    if (!file_) throw_errno(errno, "cannot create " + path_);
  }

  void process(const Observation& observation, graph::Emit&) override {
    text_.clear();
    for (const Object& object : observation.objects()) {
      const Box& box = object.box;
      fmt::format_to(std::back_inserter(text_), "{},{},{:.2f},{:.2f},{:.2f},{:.2f},{:.4f},-1,-1,-1\n",
                     observation.frame().sequence + 1, object.track_id.value_or(-1), box.x, box.y, box.width,
                     box.height, object.score);
    }
    if (std::fwrite(text_.data(), 1, text_.size(), file_.get()) != text_.size()) fail();
  }

  void end_of_stream(const StreamInfo&, graph::Emit&) override {
    if (std::fflush(file_.get()) != 0) fail();
  }

  void stop() override {
    if (FILE* file = file_.release(); file && std::fclose(file) != 0) fail();
    claim_.reset();
  }

 private:
  struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
  };

  [[noreturn]] void fail() {
    const int error = errno;
    if (file_) std::clearerr(file_.get());
    throw_errno(error, "cannot write " + path_);
  }

  const Settings settings_;
  std::string path_;
  std::optional<OutputClaim> claim_;
  std::unique_ptr<FILE, Close> file_;
  std::string text_;
};

VEDETTE_MODULE(MotModule, {.type = "mot",
                           .summary = "Writes tracks as MOTChallenge text, for `vedette eval tracking`",
                           .concurrency = graph::Concurrency::kPerStream,
                           .reads = graph::Facet::kObjects,
                           .sink = true});

}  // namespace
}  // namespace vedette::modules
