#include "vedette/infer/session.h"

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/infer/providers.h"

namespace vedette::infer {
namespace fs = std::filesystem;
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, 300);
}

void ORT_API_CALL log_from_runtime(void*, OrtLoggingLevel level, const char*, const char*, const char*,
                                   const char* message) {
  if (level >= ORT_LOGGING_LEVEL_ERROR) log::debug("ONNX Runtime: {}", one_line(message));  // errors are thrown as well
}

Ort::Env& environment() {
  static Ort::Env env = [] {
    Ort::Env made(ORT_LOGGING_LEVEL_ERROR, "vedette", log_from_runtime, nullptr);
    made.DisableTelemetryEvents();
    return made;
  }();
  return env;
}

/// Floats on a cache line's boundary.
class AlignedFloats {
 public:
  explicit AlignedFloats(size_t count)
      : count_(count), data_(static_cast<float*>(::operator new[](count * sizeof(float), kAlign))) {
    std::fill_n(data_.get(), count, 0.f);
  }
  float* data() const { return data_.get(); }
  size_t count() const { return count_; }

 private:
  static constexpr std::align_val_t kAlign{64};
  struct Free {
    void operator()(float* p) const { ::operator delete[](p, kAlign); }
  };
  size_t count_;
  std::unique_ptr<float[], Free> data_;
};

size_t product(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), size_t{1},
                         [](size_t a, int64_t b) { return a * static_cast<size_t>(b); });
}

Ort::Value tensor_over(const AlignedFloats& memory, const std::vector<int64_t>& shape) {
  static const auto cpu = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
  return Ort::Value::CreateTensor<float>(cpu, memory.data(), product(shape), shape.data(), shape.size());
}

class OrtSession;

class OrtSlot final : public Session::Slot {
 public:
  OrtSlot(OrtSession& session, size_t number);
  size_t number() const override { return number_; }
  float* input(size_t i) override;
  void run(size_t n) override;
  const float* output(size_t index, size_t i) const override;

 private:
  struct Binding {
    Ort::Value input{nullptr};
    std::vector<Ort::Value> outputs;
  };
  Binding& binding(size_t n);

  OrtSession& session_;
  size_t number_;
  AlignedFloats input_;
  std::vector<AlignedFloats> outputs_;
  std::vector<std::optional<Binding>> bindings_;  ///< by pictures − 1; tensors over input_ and outputs_
};

class OrtSession final : public Session, public std::enable_shared_from_this<OrtSession> {
 public:
  OrtSession(const ModelCard& card, const fs::path& file, const SessionOptions& options) {
    try {
      Ort::SessionOptions settings;
      settings.SetIntraOpNumThreads(options.threads).SetInterOpNumThreads(1).SetExecutionMode(ORT_SEQUENTIAL);
      settings.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
      // A thread that spins takes the core that decoding or another stream could use.
      settings.AddConfigEntry("session.intra_op.allow_spinning", "0")
          .AddConfigEntry("session.inter_op.allow_spinning", "0");
      add_provider(settings, options.provider);
      session_ = Ort::Session(environment(), file.c_str(), settings);
    } catch (const Ort::Exception& e) {
      throw Error(
          ErrorCode::kInvalidData,
          fmt::format("model '{}': ONNX Runtime cannot load {}: {}", card.name, file.string(), one_line(e.what())),
          "the file is damaged or no ONNX model");
    }
    read_input(card, options);
    read_outputs(card);
    for (int i = 0; i < options.instances; ++i) {
      slots_.push_back(std::make_unique<OrtSlot>(*this, static_cast<size_t>(i)));
      free_.push_back(slots_.back().get());
    }
    slots_.front()->run(largest_batch());
  }

  std::span<const OutputSpec> outputs() const override { return outputs_; }
  size_t largest_batch() const override { return largest_batch_; }
  size_t instances() const override { return slots_.size(); }

  Lease acquire(Duration limit) override {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, limit, [&] { return !free_.empty(); }))
      throw Error(ErrorCode::kTimeout, "no instance of the model became free in time", "allow more instances");
    Slot* slot = free_.back();
    free_.pop_back();
    return {shared_from_this(), slot};
  }

  std::vector<int64_t> input_shape(size_t n) const {
    auto shape = input_shape_;
    shape[0] = static_cast<int64_t>(n);
    return shape;
  }
  std::vector<int64_t> output_shape(size_t index, size_t n) const {
    auto shape = outputs_[index].shape;
    if (batched_[index]) shape.insert(shape.begin(), static_cast<int64_t>(n));
    return shape;
  }
  bool fixed_batch() const { return fixed_batch_; }

  void run(const Ort::Value& input, std::span<Ort::Value> outputs) {
    const char* input_name = input_name_.c_str();
    try {
      session_.Run(Ort::RunOptions{nullptr}, &input_name, &input, 1, output_names_.data(), outputs.data(),
                   outputs.size());
    } catch (const Ort::Exception& e) {
      throw Error(ErrorCode::kInternal, fmt::format("ONNX Runtime failed: {}", one_line(e.what())));
    }
  }

 protected:
  void give_back(Slot* slot) override {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(slot);
    }
    freed_.notify_one();
  }

 private:
  void read_input(const ModelCard& card, const SessionOptions& options) {
    const auto& spec = card.input;
    const bool planar = spec.layout == Layout::kNchw;
    input_shape_ = planar ? std::vector<int64_t>{1, 3, spec.height, spec.width}
                          : std::vector<int64_t>{1, spec.height, spec.width, 3};
    const auto refuse = [&](const std::string& seen) {
      throw Error(ErrorCode::kInvalidData,
                  fmt::format("model card '{}': the file has {}, but the card describes one float32 input {}",
                              card.name, seen, shape_text(input_shape_)),
                  "correct the card's input section");
    };
    if (session_.GetInputCount() != 1) refuse(fmt::format("{} inputs", session_.GetInputCount()));
    Ort::AllocatorWithDefaultOptions allocator;
    input_name_ = session_.GetInputNameAllocated(0, allocator).get();
    const auto type = session_.GetInputTypeInfo(0);
    if (type.GetONNXType() != ONNX_TYPE_TENSOR) refuse(fmt::format("an input '{}' that is no tensor", input_name_));
    const auto tensor = type.GetTensorTypeAndShapeInfo();
    const auto shape = tensor.GetShape();
    if (tensor.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
      refuse(fmt::format("input '{}' of another element type than float32", input_name_));
    bool fits = shape.size() == 4;
    for (size_t i = 1; fits && i < 4; ++i) fits = shape[i] < 0 || shape[i] == input_shape_[i];
    if (!fits || shape[0] == 0 || shape[0] > 1024) refuse(fmt::format("input '{}' {}", input_name_, shape_text(shape)));
    fixed_batch_ = shape[0] > 0;
    largest_batch_ = static_cast<size_t>(fixed_batch_ ? shape[0] : options.max_batch);
  }

  /// One run tells the outputs' shapes; what the file says of them may have holes.
  void read_outputs(const ModelCard& card) {
    Ort::AllocatorWithDefaultOptions allocator;
    std::vector<std::string> names;
    for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
      const std::string name = session_.GetOutputNameAllocated(i, allocator).get();
      const auto type = session_.GetOutputTypeInfo(i);
      const bool floats = type.GetONNXType() == ONNX_TYPE_TENSOR &&
                          type.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
      if (!floats) {
        throw Error(ErrorCode::kInvalidData,
                    fmt::format("model card '{}': output '{}' is not a float32 tensor", card.name, name),
                    "export the model without its own suppression, in float32");
      }
      names.push_back(name);
      outputs_.push_back({name, {}});
    }
    for (const auto& output : outputs_) output_names_.push_back(output.name.c_str());

    const size_t n = fixed_batch_ ? largest_batch_ : 1;
    const AlignedFloats memory(product(input_shape(n)));
    const Ort::Value input = tensor_over(memory, input_shape(n));
    std::vector<Ort::Value> values;
    for (size_t i = 0; i < outputs_.size(); ++i) values.emplace_back(nullptr);
    try {
      run(input, values);
    } catch (const Error& e) {
      throw Error(ErrorCode::kInvalidData, fmt::format("model card '{}': a first run fails: {}", card.name, e.what()),
                  "correct the card's input section");
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      auto shape = values[i].GetTensorTypeAndShapeInfo().GetShape();
      const bool batched = !shape.empty() && shape[0] == static_cast<int64_t>(n);
      if (!batched && (n > 1 || !fixed_batch_)) {
        throw Error(ErrorCode::kInvalidData,
                    fmt::format("model card '{}': output '{}' {} does not begin with the batch size {}", card.name,
                                outputs_[i].name, shape_text(shape), n),
                    "export the model with a batch of 1");
      }
      if (batched) shape.erase(shape.begin());
      if (product(shape) == 0) {
        throw Error(ErrorCode::kInvalidData,
                    fmt::format("model card '{}': output '{}' is empty", card.name, outputs_[i].name),
                    "export the model without its own suppression");
      }
      outputs_[i].shape = std::move(shape);
      batched_.push_back(batched);
    }
  }

  Ort::Session session_{nullptr};
  std::string input_name_;
  std::vector<int64_t> input_shape_;  ///< of one picture
  bool fixed_batch_ = true;
  size_t largest_batch_ = 1;
  std::vector<OutputSpec> outputs_;
  std::vector<bool> batched_;  ///< the output has a batch dimension
  std::vector<const char*> output_names_;  ///< into outputs_
  std::vector<std::unique_ptr<OrtSlot>> slots_;

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Slot*> free_;  // guarded by mutex_
};

OrtSlot::OrtSlot(OrtSession& session, size_t number)
    : session_(session), number_(number), input_(product(session.input_shape(session.largest_batch()))) {
  for (const auto& output : session.outputs()) outputs_.emplace_back(product(output.shape) * session.largest_batch());
  bindings_.resize(session.largest_batch());
}

float* OrtSlot::input(size_t i) { return input_.data() + i * product(session_.input_shape(1)); }

OrtSlot::Binding& OrtSlot::binding(size_t n) {
  auto& bound = bindings_[n - 1];
  if (!bound) {
    bound.emplace();
    bound->input = tensor_over(input_, session_.input_shape(n));
    for (size_t i = 0; i < outputs_.size(); ++i)
      bound->outputs.push_back(tensor_over(outputs_[i], session_.output_shape(i, n)));
  }
  return *bound;
}

void OrtSlot::run(size_t n) {
  VEDETTE_ASSERT(n >= 1 && n <= session_.largest_batch());
  Binding& bound = binding(session_.fixed_batch() ? session_.largest_batch() : n);
  session_.run(bound.input, bound.outputs);
}

const float* OrtSlot::output(size_t index, size_t i) const {
  return outputs_[index].data() + i * product(session_.outputs()[index].shape);
}

}  // namespace

Session::Lease::~Lease() {
  if (slot_) session_->give_back(slot_);
}

std::shared_ptr<Session> Session::load(const ModelCard& card, const fs::path& file, const SessionOptions& options) {
  // A file that was exchanged on disk is another model.
  const auto written = fs::last_write_time(file).time_since_epoch().count();
  const std::string key =
      fmt::format("{} {} {} {}x{} {} i{} t{} b{} {}", fs::weakly_canonical(file).string(), written, fs::file_size(file),
                  card.input.width, card.input.height, static_cast<int>(card.input.layout), options.instances,
                  options.threads, options.max_batch, options.provider);
  // The lock is held while loading: two modules that start at once shall not both load.
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Session>> loaded;
  const std::lock_guard lock(mutex);
  std::erase_if(loaded, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = loaded.find(key); found != loaded.end())
    if (auto session = found->second.lock()) return session;
  auto session = std::make_shared<OrtSession>(card, file, options);
  loaded[key] = session;
  return session;
}

void SessionOptions::fields(Fields& f) {
  f.whole("instances", instances,
          "runs of the model at the same time, also of one frame's crops; its weights are loaded once", {1, 256});
  f.whole("threads", threads, "threads that one run may use", {1, 256});
  f.whole("max_batch", max_batch, "most pictures in one run, for models whose batch size is free", {1, 256});
  f.number("batch_wait_ms", batch_wait_ms, "so long a lone picture waits for others to share its run", {0, 10000});
  f.text("provider", provider, "ONNX Runtime execution provider: cpu, cuda, tensorrt, openvino, xnnpack, …");
}

}  // namespace vedette::infer
