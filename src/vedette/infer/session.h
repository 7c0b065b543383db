#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/infer/head.h"
#include "vedette/infer/model_card.h"
#include "vedette/infer/session_options.h"

namespace vedette::infer {

/// A loaded ONNX model with one image input, and `instances` slots that it can be run in. Weights are there once; each
/// slot has an input tensor and output tensors of its own, bound for good, so that a run allocates nothing outside ONNX
/// Runtime.
class Session {
 public:
  /// One run at a time: fill input(), run(), read output().
  class Slot {
   public:
    virtual ~Slot() = default;
    virtual size_t number() const = 0;  ///< 0 … instances() − 1
    /// Tensor of picture i, i < largest_batch().
    virtual float* input(size_t i) = 0;
    /// Runs the first n pictures. Throws Error(kInternal).
    virtual void run(size_t n) = 0;
    /// Output `index` of picture i, of outputs()[index].shape.
    virtual const float* output(size_t index, size_t i) const = 0;
  };
  /// Gives the slot back when it goes.
  class Lease {
   public:
    Lease(std::shared_ptr<Session> session, Slot* slot) : session_(std::move(session)), slot_(slot) {}
    Lease(Lease&& other) noexcept : session_(std::move(other.session_)), slot_(std::exchange(other.slot_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Slot* operator->() const { return slot_; }
    Slot& operator*() const { return *slot_; }

   private:
    std::shared_ptr<Session> session_;
    Slot* slot_;
  };

  /// Loads, checks the input against the card's, and warms up; or hands out the one that is already loaded from this
  /// file with equal options and input. Throws Error as Detector::load().
  static std::shared_ptr<Session> load(const ModelCard& card, const std::filesystem::path& file,
                                       const SessionOptions& options);
  virtual ~Session() = default;

  virtual std::span<const OutputSpec> outputs() const = 0;
  virtual size_t largest_batch() const = 0;
  virtual size_t instances() const = 0;
  /// Waits for a free slot. Throws Error(kTimeout) after `limit`.
  virtual Lease acquire(Duration limit) = 0;

 protected:
  virtual void give_back(Slot* slot) = 0;
};

/// Longest wait of a caller for a free instance.
constexpr Duration kSlotDeadline = std::chrono::seconds(30);

}  // namespace vedette::infer
