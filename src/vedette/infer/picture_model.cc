#include "vedette/infer/picture_model.h"

#include <algorithm>
#include <array>

namespace vedette::infer {
namespace {

constexpr size_t kMostOutputs = 32;

std::shared_ptr<Session> open(const ModelCard& card, const SessionOptions& options, const ModelStore& store) {
  const auto file = store.file(card);
  check_hash(card, file);
  return Session::load(card, file, options);
}

}  // namespace

PictureModel::PictureModel(const ModelCard& card, const SessionOptions& options, const ModelStore& store)
    : card_(card),
      spreads_(options.provider == "cpu"),
      session_(open(card, options, store)),
      fork_(session_->instances() - 1, "infer") {
  if (session_->outputs().size() > kMostOutputs) context().reject("at most 32 outputs");
  for (size_t i = 0; i < session_->instances(); ++i) preprocessors_.emplace_back(card.input);
  if (options.batch_wait_ms > 0 && largest_batch() > 1) {
    Batcher<Item>::Options batching;
    batching.policy = {largest_batch(), from_milliseconds(options.batch_wait_ms)};
    batcher_ = std::make_unique<Batcher<Item>>(batching, [this](std::span<Item* const> items) { run_now(items); });
  }
}

PictureModel::~PictureModel() = default;

void PictureModel::run(std::span<const Picture* const> pictures, const Visit& visit) {
  if (pictures.size() == 1) {
    Item item{pictures[0], &visit, 0};
    Item* const only = &item;
    batcher_ ? batcher_->submit(item) : run_now({&only, 1});
    return;
  }
  std::vector<Item> items;
  items.reserve(pictures.size());
  for (size_t i = 0; i < pictures.size(); ++i) items.push_back({pictures[i], &visit, i});
  std::vector<Item*> pointers;
  pointers.reserve(items.size());
  for (Item& item : items) pointers.push_back(&item);
  const std::span<Item* const> all(pointers);
  const size_t size = part_size(all.size());
  const auto part = [&](size_t i) { run_now(all.subspan(i * size, std::min(size, all.size() - i * size))); };
  const size_t parts = (all.size() + size - 1) / size;
  if (spreads_) return fork_.run(parts, part);
  for (size_t i = 0; i < parts; ++i) part(i);
}

size_t PictureModel::part_size(size_t pictures) const {
  const size_t at_once = spreads_ ? instances() : 1;
  return std::clamp<size_t>((pictures + at_once - 1) / at_once, 1, largest_batch());
}

void PictureModel::run_now(std::span<Item* const> items) {
  const auto slot = session_->acquire(kSlotDeadline);
  Preprocessor& preprocessor = preprocessors_[slot->number()];
  std::array<Placement, 256> placements;
  VEDETTE_ASSERT(items.size() <= placements.size());
  for (size_t i = 0; i < items.size(); ++i) placements[i] = preprocessor.run(*items[i]->picture, slot->input(i));
  slot->run(items.size());
  std::array<const float*, kMostOutputs> outputs;
  const size_t count = session_->outputs().size();
  for (size_t i = 0; i < items.size(); ++i) {
    for (size_t k = 0; k < count; ++k) outputs[k] = slot->output(k, i);
    (*items[i]->visit)({items[i]->index, OutputData(outputs.data(), count), placements[i], slot->number()});
  }
}

}  // namespace vedette::infer
