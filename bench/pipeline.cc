// The whole path (decode, detect, track, zones, MOT text) against its limit: a bare FFmpeg decode and a bare ONNX
// Runtime inference of the same video and model on the same cores in the same run. One round is a bare pass and a
// Vedette pass over the whole video; the ratio is the median over rounds, because the machine is shared.
#include <sched.h>
#include <unistd.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}
#include <onnxruntime_cxx_api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/graph/executor.h"
#include "vedette/infer/model_store.h"

namespace {

namespace graph = vedette::graph;
namespace infer = vedette::infer;
namespace log = vedette::log;
using vedette::Clock;
using vedette::Error;
using vedette::ErrorCode;
using vedette::MonotonicTime;
using vedette::parse_config;
using vedette::throw_errno;
using vedette::to_seconds;

constexpr double kPromise = 0.95;

struct Arguments {
  std::string video = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
  std::string model = "nanodet-g-320";
  std::vector<int> cores{1, 2};
  int rounds = 3;
  std::string json;
};

double seconds_since(MonotonicTime began) { return to_seconds(Clock::system().monotonic() - began); }

void use_cores(int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int core = 0; core < count; ++core) CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    throw_errno(errno, "cannot bind to " + std::to_string(count) + " cores");
}

/// The least that any program must do: decode, and run the session on an input that lies ready.
class Bare {
 public:
  Bare(const std::string& video, const std::string& model_file, Ort::Env& env) {
    if (avformat_open_input(&format_, video.c_str(), nullptr, nullptr) < 0)
      throw Error(ErrorCode::kNotFound, "cannot open " + video);
    avformat_find_stream_info(format_, nullptr);
    const AVCodec* codec = nullptr;
    stream_ = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    decoder_ = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(decoder_, format_->streams[stream_]->codecpar);
    decoder_->thread_count = 1;
    avcodec_open2(decoder_, codec, nullptr);

    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.SetInterOpNumThreads(1);
    options.AddConfigEntry("session.intra_op.allow_spinning", "0");
    options.SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_ALL);
    session_ = std::make_unique<Ort::Session>(env, model_file.c_str(), options);
    Ort::AllocatorWithDefaultOptions allocator;
    input_name_ = session_->GetInputNameAllocated(0, allocator).get();
    for (size_t i = 0; i < session_->GetOutputCount(); ++i)
      output_names_.emplace_back(session_->GetOutputNameAllocated(i, allocator).get());
    shape_ = session_->GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
    for (auto& side : shape_) side = side < 1 ? 1 : side;
    input_.resize(static_cast<size_t>(std::accumulate(shape_.begin(), shape_.end(), int64_t{1}, std::multiplies<>())));
    for (size_t i = 0; i < input_.size(); ++i) input_[i] = static_cast<float>(i % 251) / 251;
  }
  ~Bare() {
    avcodec_free_context(&decoder_);
    avformat_close_input(&format_);
  }

  /// Frames of one pass over the video.
  int pass(bool infer) {
    av_seek_frame(format_, stream_, 0, AVSEEK_FLAG_BACKWARD);
    avcodec_flush_buffers(decoder_);
    AVPacket* packet = av_packet_alloc();
    AVFrame* frame = av_frame_alloc();
    int frames = 0;
    const auto receive = [&] {
      while (avcodec_receive_frame(decoder_, frame) == 0) {
        ++frames;
        if (infer) run();
      }
    };
    while (av_read_frame(format_, packet) >= 0) {
      if (packet->stream_index == stream_ && avcodec_send_packet(decoder_, packet) == 0) receive();
      av_packet_unref(packet);
    }
    avcodec_send_packet(decoder_, nullptr);
    receive();
    av_frame_free(&frame);
    av_packet_free(&packet);
    return frames;
  }

  void run() {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const auto tensor =
        Ort::Value::CreateTensor<float>(memory, input_.data(), input_.size(), shape_.data(), shape_.size());
    const char* input = input_name_.c_str();
    std::vector<const char*> outputs;
    for (const auto& name : output_names_) outputs.push_back(name.c_str());
    session_->Run(Ort::RunOptions{nullptr}, &input, &tensor, 1, outputs.data(), outputs.size());
  }

 private:
  AVFormatContext* format_ = nullptr;
  AVCodecContext* decoder_ = nullptr;
  int stream_ = -1;
  std::unique_ptr<Ort::Session> session_;
  std::string input_name_;
  std::vector<std::string> output_names_;
  std::vector<int64_t> shape_;
  std::vector<float> input_;
};

/// Frames a second of `cores` bare loops side by side, each over the whole video.
double bare_fps(std::vector<std::unique_ptr<Bare>>& loops) {
  std::vector<int> frames(loops.size());
  const MonotonicTime began = Clock::system().monotonic();
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < loops.size(); ++i) threads.emplace_back([&, i] { frames[i] = loops[i]->pass(true); });
  }
  return std::accumulate(frames.begin(), frames.end(), 0) / seconds_since(began);
}

/// Frames a second of one application over `cores` copies of the video.
double vedette_fps(const Arguments& arguments, int cores) {
  std::string text = "application: bench\nsources:\n";
  for (int i = 0; i < cores; ++i) text += "  - {url: " + arguments.video + ", pacing: fast}\n";
  text += "modules:\n  - {type: decode}\n  - {type: detect, model: " + arguments.model +
          ", score: 0.1, classes: [person]}\n  - {type: track}\n"
          "  - {type: roi, zones: [{name: plaza, points: [[0.1, 0.3], [0.9, 0.3], [0.9, 0.9], [0.1, 0.9]]}]}\n"
          "  - {type: mot, path: \"" +
          std::string("/dev/shm/vedette-bench-{stream}.txt") + "\"}\n";
  graph::Executor executor({.threads = static_cast<size_t>(cores)});
  const std::vector<graph::Application> applications{graph::parse_application(parse_config(text, "bench/pipeline"))};
  executor.start(applications);
  const MonotonicTime began = Clock::system().monotonic();
  executor.wait_finished({});
  const double elapsed = seconds_since(began);
  uint64_t frames = 0;
  for (const auto& application : executor.status()) {
    for (const auto& stream : application.streams) frames += stream.frames;
    for (const auto& module : application.modules)
      if (module.processed < frames || module.errors != 0)  // roi adds one observation at a stream's end
        throw Error(ErrorCode::kInternal, "module '" + module.name + "' processed " + std::to_string(module.processed) +
                                              " of " + std::to_string(frames) + " frames");
  }
  return static_cast<double>(frames) / elapsed;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run(const Arguments& arguments) {
  const auto store = infer::ModelStore::standard();
  const auto file = store.file(store.card(arguments.model)).string();
  Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "bench");
  nlohmann::json report{{"bench", "pipeline"}, {"model", arguments.model}, {"results", nlohmann::json::array()}};
  bool kept = true;
  std::printf("whole path over 1/(bare decode + bare inference), %s\n", arguments.model.c_str());
  std::printf("%6s %12s %12s %8s   rounds\n", "cores", "bare fps", "vedette fps", "ratio");
  for (const int cores : arguments.cores) {
    if (cores > sysconf(_SC_NPROCESSORS_ONLN)) {
      std::printf("%6d  skipped: the machine has fewer cores\n", cores);
      continue;
    }
    use_cores(cores);
    std::vector<std::unique_ptr<Bare>> loops;
    for (int i = 0; i < cores; ++i) loops.push_back(std::make_unique<Bare>(arguments.video, file, env));
    for (auto& loop : loops)
      for (int i = 0; i < 10; ++i) loop->run();
    std::vector<double> bare, whole, ratios;
    for (int round = 0; round < arguments.rounds; ++round) {
      bare.push_back(bare_fps(loops));
      whole.push_back(vedette_fps(arguments, cores));
      // Against the bare passes on both sides of it, so that a machine that grows slower or faster cancels out.
      const double after = bare_fps(loops);
      ratios.push_back(whole.back() / ((bare.back() + after) / 2));
    }
    const double ratio = median(ratios);
    kept &= ratio >= kPromise;
    std::printf("%6d %12.2f %12.2f %8.3f  ", cores, median(bare), median(whole), ratio);
    for (const double r : ratios) std::printf(" %.3f", r);
    std::printf("\n");
    report["results"].push_back({{"cores", cores},
                                 {"bare_fps", median(bare)},
                                 {"vedette_fps", median(whole)},
                                 {"ratio", ratio},
                                 {"rounds", ratios}});
  }
  report["promise"] = kPromise;
  report["kept"] = kept;
  if (!arguments.json.empty()) std::ofstream(arguments.json) << report.dump(2) << "\n";
  std::printf("promise: ratio ≥ %.2f: %s\n", kPromise, kept ? "kept" : "BROKEN");
  return kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Whole path over its limit");
  app.add_option("--video", arguments.video);
  app.add_option("--model", arguments.model);
  app.add_option("--cores", arguments.cores);
  app.add_option("--rounds", arguments.rounds);
  app.add_option("--json", arguments.json);
  CLI11_PARSE(app, argc, argv);
  log::set_level(log::Level::kWarn);
  try {
    return run(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench/pipeline: %s\n", e.what());
    return 2;
  }
}
